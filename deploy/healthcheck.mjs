// HEALTHCHECK of the image: is the process up? Whether it can do its work is what /readyz says; a container is not
// to be restarted because Kafka is away.
const port = (process.env.KEYHOUND_LISTEN_CONSOLE ?? '127.0.0.1:8420').split(':').at(-1);
const answer = await fetch(`http://127.0.0.1:${port}/healthz`, {
  signal: AbortSignal.timeout(3000),
});
process.exitCode = answer.ok ? 0 : 1;
