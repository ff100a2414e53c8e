// Swagger UI over the node's own description. Requests sent from here carry the header that the node wants of pages.
import 'swagger-ui-dist/swagger-ui.css';
import SwaggerUI from 'swagger-ui-dist/swagger-ui-es-bundle.js';

interface SentRequest {
  headers: Record<string, string>;
}

/** The header's name, as the console's session says; the default until then. */
let csrf = 'x-p2pjob-csrf';
void fetch('/api/v1/session', { credentials: 'same-origin' })
  .then((response) => (response.ok ? response.json() : null))
  .then((session: { csrf_header?: string } | null) => {
    csrf = session?.csrf_header ?? csrf;
  })
  .catch(() => {});

SwaggerUI({
  url: '/openapi.json',
  dom_id: '#docs',
  deepLinking: true,
  tryItOutEnabled: true,
  docExpansion: 'list',
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  validatorUrl: null,
  requestInterceptor: (request: SentRequest) => {
    request.headers[csrf] = '1';
    return request;
  },
});
