// Uploads with progress. fetch() cannot say how much of a body was sent, XMLHttpRequest can.
import { ApiProblem, problemOf, session, urlOf, type Query } from './api';
import { parseJson } from './json';

export interface UploadOptions {
  query?: Query;
  contentType?: string;
  signal?: AbortSignal;
  onProgress?: (sent: number, total: number) => void;
}

/** POSTs bytes; the answer is parsed JSON. */
export function upload<R>(path: string, body: Blob, options: UploadOptions = {}): Promise<R> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const abort = () => request.abort();
    const end = () => options.signal?.removeEventListener('abort', abort);
    request.open('POST', urlOf(path, options.query));
    request.setRequestHeader('accept', 'application/json');
    request.setRequestHeader('content-type', options.contentType ?? 'application/octet-stream');
    request.setRequestHeader(session.peek()?.csrf_header || 'x-p2pjob-csrf', '1');
    request.upload.onprogress = (event) => options.onProgress?.(event.loaded, event.lengthComputable ? event.total : body.size);
    request.onabort = () => {
      end();
      reject(new DOMException('aborted', 'AbortError'));
    };
    request.onerror = () => {
      end();
      reject(new ApiProblem(0, 'network', '', '', ''));
    };
    request.onload = () => {
      end();
      if (request.status >= 200 && request.status < 300) {
        try {
          return resolve(parseJson(request.responseText) as R);
        } catch {
          return reject(new ApiProblem(request.status, 'bad_answer', '', request.responseText.slice(0, 200), ''));
        }
      }
      // A null-body status cannot carry text; anything else is read as problem+json.
      const text = [204, 205, 304].includes(request.status) ? null : request.responseText;
      const status = request.status >= 200 && request.status <= 599 ? request.status : 500;
      void problemOf(new Response(text, { status, statusText: request.statusText }), path).then(reject);
    };
    if (options.signal?.aborted) return abort();
    options.signal?.addEventListener('abort', abort, { once: true });
    request.send(body);
  });
}
