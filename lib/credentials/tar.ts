/** One entry of an archive; folders follow from the paths. */
export type TarEntry =
  | { readonly path: string; readonly content: Uint8Array; readonly executable?: boolean }
  | { readonly path: string; readonly target: string };

const block = 512;
/** Two empty blocks. */
const ending = 2 * block;
/** Behind the last field of a header that says something. */
const lastField = 265;

export interface Archive {
  /** Copies an entry into it. Its names may be of any length and have anything in them. */
  add(entry: TarEntry): void;
  /** The whole of it, once everything is in it. */
  end(): Buffer;
}

/** What a file of so many bytes takes in an archive; bytes. */
export function roomFor(size: number): number {
  return block + Math.ceil(size / block) * block;
}

/**
 * An archive in the format of POSIX.1-2001 (pax(1)), the same for the same entries: without times and owners. It has
 * room for so many bytes from the start, and grows where that is not enough.
 */
export function newArchive(expected: number): Archive {
  let bytes = Buffer.allocUnsafe(expected + ending);
  let length = 0;
  const room = (size: number): Buffer => {
    if (length + size > bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(length + size, 2 * bytes.length));
      bytes.copy(larger, 0, 0, length);
      bytes = larger;
    }
    length += size;
    return bytes.subarray(length - size, length);
  };
  const put = (path: string, mode: number, type: string, target: string, content: Uint8Array) => {
    const place = room(roomFor(content.length));
    writeHeader(place, path, mode, content.length, type, target);
    place.set(content, block);
    place.fill(0, block + content.length);
  };
  return {
    add(entry) {
      const link = 'target' in entry;
      const target = link ? entry.target : '';
      const long = longNames(entry.path, target);
      if (long !== '') put('pax', 0o600, 'x', '', Buffer.from(long));
      const mode = !link && entry.executable === true ? 0o700 : 0o600;
      put(entry.path, mode, link ? '2' : '0', target, link ? new Uint8Array() : entry.content);
    },
    end() {
      room(ending).fill(0);
      return bytes.subarray(0, length);
    },
  };
}

/** What does not fit into a header goes before it, in a header of its own. */
function longNames(path: string, target: string): string {
  const fits = (text: string) => /^[\x20-\x7e]{0,100}$/.test(text);
  return [fits(path) ? '' : record('path', path), fits(target) ? '' : record('linkpath', target)].join('');
}

/** `LENGTH KEY=VALUE\n`, where the length counts its own digits. */
function record(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  const bytes = Buffer.byteLength(rest);
  let length = bytes + String(bytes).length;
  if (bytes + String(length).length !== length) length = bytes + String(length).length;
  return `${length}${rest}`;
}

function writeHeader(
  bytes: Buffer,
  path: string,
  mode: number,
  size: number,
  type: string,
  target: string,
): void {
  bytes.fill(0, 0, block);
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
  for (let at = 0; at < lastField; at++) sum += bytes[at]!;
  bytes.write(`${octal(sum, 6)}\0 `, 148);
}
