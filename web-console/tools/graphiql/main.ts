// GraphiQL over the node's own GraphQL; subscriptions over WebSocket.
import { createGraphiQLFetcher } from '@graphiql/toolkit';
import { GraphiQL } from 'graphiql';
import 'graphiql/graphiql.css';
import { createClient } from 'graphql-ws';
import { createElement } from 'react';
import { createRoot } from 'react-dom/client';
import './page.css';

const EXAMPLE = `# The node, and its newest tasks
{
  network_status {
    node_id
    peers_count
    active_tasks
    credits
  }
  tasks(first: 5) {
    nodes {
      task_id
      job_name
      status
      chunks
      accepted
      price_credits
    }
  }
}
`;

async function csrfHeader(): Promise<string> {
  const response = await fetch('/api/v1/session', { credentials: 'same-origin' }).catch(() => null);
  const session = response?.ok ? ((await response.json()) as { csrf_header?: string }) : null;
  return session?.csrf_header ?? 'x-p2pjob-csrf';
}

const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
const fetcher = createGraphiQLFetcher({
  url: '/graphql',
  headers: { [await csrfHeader()]: '1' },
  wsClient: createClient({ url: `${scheme}://${location.host}/graphql/ws`, lazy: true }),
});
createRoot(document.getElementById('graphiql') as HTMLElement).render(createElement(GraphiQL, { fetcher, defaultQuery: EXAMPLE }));
