import http from 'node:http';
import https from 'node:https';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { interrupted } from '../errors.ts';
import { wireError } from './registry-errors.ts';

/** How a registry is reached. Whoever knows the network decides it; the client only speaks. */
export interface RegistryWire {
  /** As people name it: `quay.io`, `the registry's route`. */
  readonly name: string;
  readonly origin: URL;
  /** Agent, certificates and the like. */
  readonly options: https.RequestOptions;
  /** The command by which the user logs in to it, where that is not Podman's. */
  readonly logIn?: string;
  /** How long neither side may say anything; milliseconds. */
  readonly patience?: number;
  /** Ends what connections there are, where they would hold up the program's end. */
  readonly close?: () => void;
}

export interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly url: URL;
  /** The whole body; of what a registry says about itself, not of a blob. */
  readonly body: Buffer;
}

export interface Sent {
  readonly headers?: http.OutgoingHttpHeaders;
  /** A stream is made when it is to be sent. */
  readonly body?: Buffer | (() => Readable);
  readonly signal: AbortSignal;
}

const patience = 120_000;
/** No manifest and no complaint is longer; bytes (OCI distribution: registries should take manifests of 4 MiB). */
const longestAnswer = 8 * 1024 * 1024;

/** One request, and its answer whatever the status. Throws CERTIFICATE_UNTRUSTED, REGISTRY_…, INTERRUPTED. */
export async function send(wire: RegistryWire, method: string, url: URL, sent: Sent): Promise<Answer> {
  const { signal } = sent;
  if (signal.aborted) throw interrupted();
  try {
    return await sendOnce(wire, method, url, sent);
  } catch (error) {
    throw signal.aborted ? interrupted() : wireError(wire.name, error);
  }
}

function sendOnce(wire: RegistryWire, method: string, url: URL, sent: Sent): Promise<Answer> {
  const { headers, body, signal } = sent;
  const length = Buffer.isBuffer(body) ? { 'content-length': body.length } : {};
  return new Promise((resolve, reject) => {
    const request = (url.protocol === 'https:' ? https : http).request(url, {
      ...(url.host === wire.origin.host ? wire.options : elsewhere(wire)),
      method,
      headers: { 'user-agent': 'git-paude', ...length, ...headers },
      timeout: wire.patience ?? patience,
      signal,
    });
    request.once('timeout', () =>
      request.destroy(Object.assign(new Error('it is silent'), { code: 'ETIMEDOUT' })),
    );
    request.on('error', reject);
    request.once('response', (answer) => {
      read(answer).then((said) => {
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, url, body: said });
        // An answer before the end of the body: it won't be read.
        if (!request.writableFinished) request.destroy();
      }, reject);
    });
    if (typeof body === 'function') pipeline(body(), request).catch(reject);
    else request.end(body);
  });
}

/** Another host that the registry names (a token service, a blob's store) has nothing of its connections. */
function elsewhere({ options }: RegistryWire): https.RequestOptions {
  const { ca, rejectUnauthorized } = options;
  return { ...(ca && { ca }), ...(rejectUnauthorized === false && { rejectUnauthorized }) };
}

async function read(answer: http.IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > longestAnswer) throw new Error(`its answer is longer than ${longestAnswer} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
