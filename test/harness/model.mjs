// A stand-in for the model: speaks as much of the Messages API (https://docs.claude.com/en/api/messages-streaming)
// as the real agent needs, and answers by a script. Plain Node, for it runs inside a session:
//   node - PORT SCRIPT <model.mjs
// SCRIPT is a JSON list; an entry {"name", "input"} is one use of a tool, and a text ends the turn. The first thing
// that the person asks is answered with the script, one entry after the other; what is asked later, with a sentence
// that quotes the first question: only an agent that went on with its conversation can have sent it.
import { createServer } from 'node:http';

const [port, script] = [Number(process.argv[2]), JSON.parse(process.argv[3])];

const server = createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString();
  const path = request.url.split('?')[0];
  if (request.method !== 'POST' || !path.startsWith('/v1/messages'))
    return json(response, 404, { type: 'error' });
  const body = JSON.parse(text);
  if (path.endsWith('/count_tokens')) return json(response, 200, { input_tokens: 1 });
  const block = answer(body);
  const message = {
    id: `msg_${Date.now()}`,
    type: 'message',
    role: 'assistant',
    model: body.model,
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: { input_tokens: 1, output_tokens: 1 },
  };
  const stop_reason = block.type === 'tool_use' ? 'tool_use' : 'end_turn';
  if (!body.stream) return json(response, 200, { ...message, content: [block], stop_reason });
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const send = (type, data) =>
    response.write(`event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`);
  send('message_start', { message });
  const empty = block.type === 'tool_use' ? { ...block, input: {} } : { ...block, text: '' };
  send('content_block_start', { index: 0, content_block: empty });
  const delta =
    block.type === 'tool_use'
      ? { type: 'input_json_delta', partial_json: JSON.stringify(block.input) }
      : { type: 'text_delta', text: block.text };
  send('content_block_delta', { index: 0, delta });
  send('content_block_stop', { index: 0 });
  send('message_delta', { delta: { stop_reason, stop_sequence: null }, usage: { output_tokens: 1 } });
  send('message_stop', {});
  response.end();
});
server.listen(port, '127.0.0.1', () => process.stdout.write(`the stand-in listens on 127.0.0.1:${port}\n`));

function json(response, status, body) {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

function answer({ messages, tools = [] }) {
  // Without tools it is the agent's own housekeeping, such as a title for the conversation.
  if (tools.length === 0) return { type: 'text', text: 'A conversation' };
  const asked = messages.flatMap((message, index) =>
    isQuestion(message) ? [{ index, text: textOf(message) }] : [],
  );
  if (asked.length > 1) return { type: 'text', text: `You first asked: ${asked[0].text}` };
  const used = messages.filter(
    ({ role, content }) =>
      role === 'assistant' && Array.isArray(content) && content.some((b) => b.type === 'tool_use'),
  ).length;
  const step = script[Math.min(used, script.length - 1)];
  if (typeof step === 'string') return { type: 'text', text: step };
  return { type: 'tool_use', id: `toolu_${Date.now()}_${used}`, ...step };
}

/** What a person wrote: not the result of a tool, and more than the agent's own reminders. */
function isQuestion({ role, content }) {
  if (role !== 'user') return false;
  if (Array.isArray(content) && content.some((block) => block.type === 'tool_result')) return false;
  return textOf({ content }) !== '';
}

function textOf({ content }) {
  const texts =
    typeof content === 'string' ? [content] : content.filter((b) => b.type === 'text').map((b) => b.text);
  return texts
    .map((text) => text.replace(/<(system-reminder|command-\w+|local-command-\w+)>[^]*?<\/\1>/g, '').trim())
    .filter((text) => text !== '')
    .join('\n');
}
