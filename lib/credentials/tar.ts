/** One entry of an archive; folders follow from the paths. */
export type TarEntry =
  | { readonly path: string; readonly content: Uint8Array; readonly executable?: boolean }
  | { readonly path: string; readonly target: string };

const block = 512;
const zeros = new Uint8Array(2 * block);

/**
 * An archive in the format of POSIX.1-2001 (pax(1)), the same for the same entries: without times and owners. Names
 * may be of any length and have anything in them.
 */
export function tarOf(entries: readonly TarEntry[]): Buffer {
  const parts = entries.flatMap((entry) => {
    const link = 'target' in entry;
    const content = link ? new Uint8Array() : entry.content;
    const mode = !link && entry.executable === true ? 0o700 : 0o600;
    const target = link ? entry.target : '';
    return [
      ...longNames(entry.path, target),
      header(entry.path, mode, content.length, link ? '2' : '0', target),
      ...padded(content),
    ];
  });
  return Buffer.concat([...parts, zeros]);
}

/** What does not fit into a header goes before it, in a header of its own. */
function longNames(path: string, target: string): readonly Uint8Array[] {
  const fits = (text: string) => /^[\x20-\x7e]{0,100}$/.test(text);
  const records = [
    fits(path) ? '' : record('path', path),
    fits(target) ? '' : record('linkpath', target),
  ].join('');
  if (records === '') return [];
  const content = Buffer.from(records);
  return [header('pax', 0o600, content.length, 'x', ''), ...padded(content)];
}

/** `LENGTH KEY=VALUE\n`, where the length counts its own digits. */
function record(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  const bytes = Buffer.byteLength(rest);
  let length = bytes + String(bytes).length;
  if (bytes + String(length).length !== length) length = bytes + String(length).length;
  return `${length}${rest}`;
}

function header(path: string, mode: number, size: number, type: string, target: string): Buffer {
  const bytes = Buffer.allocUnsafe(block).fill(0);
  const octal = (value: number, digits: number) => value.toString(8).padStart(digits, '0');
  Buffer.from(path).copy(bytes, 0, 0, 100);
  bytes.write(octal(mode, 7), 100);
  bytes.write(octal(0, 7), 108);
  bytes.write(octal(0, 7), 116);
  bytes.write(octal(size, 11), 124);
  bytes.write(octal(0, 11), 136);
  bytes.write(' '.repeat(8), 148);
  bytes.write(type, 156);
  Buffer.from(target).copy(bytes, 157, 0, 100);
  bytes.write('ustar\x0000', 257);
  let sum = 0;
  for (const byte of bytes) sum += byte;
  bytes.write(`${octal(sum, 6)}\0 `, 148);
  return bytes;
}

function padded(content: Uint8Array): readonly Uint8Array[] {
  const rest = content.length % block;
  return rest === 0 ? [content] : [content, zeros.subarray(0, block - rest)];
}
