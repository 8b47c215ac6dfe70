// An AgentCore agent on Node's standard library alone: it counts its invocations, and streams what it is asked to.
//
//     agentcore-emulator start examples/node --command "node server.mjs"
import { createServer } from "node:http";

let count = 0;

async function invoke(payload, response) {
  count += 1;
  const words = payload.stream;
  if (words === undefined) {
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ count, pid: process.pid, said: payload.prompt ?? null }));
    return;
  }
  response.writeHead(200, { "content-type": "text/event-stream" });
  for (const word of words) {
    response.write(`data: ${JSON.stringify(word)}\n\n`);
    await new Promise((resolve) => setTimeout(resolve, payload.pause ?? 0));
  }
  response.end();
}

const server = createServer(async (request, response) => {
  if (request.url === "/ping") {
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ status: "Healthy" }));
    return;
  }
  const pieces = [];
  for await (const piece of request) {
    pieces.push(piece);
  }
  await invoke(JSON.parse(Buffer.concat(pieces).toString() || "{}"), response);
});

// AgentCore speaks to port 8080. The emulator gives each session a port of its own, so that many can run at once.
server.listen(Number(process.env.PORT ?? 8080), "0.0.0.0", () => console.log("serving"));

process.on("SIGTERM", () => {
  console.log("stopping");
  process.exit(0);
});
