// Adds jobs of so many bytes and works them off, and prints how many seconds each took, as JSON.
//
//   node bench.mjs DATABASE_URL SCHEMA JOBS BYTES CONCURRENCY LOCAL_QUEUE BATCH_DELAY_MS
//
// The settings are those of https://worker.graphile.org/docs/performance: a local queue, completions in batches, and
// jobs that are added many at a time.
import { Logger, makeWorkerUtils, run } from "graphile-worker";

const [url, schema, jobs, bytes, concurrentJobs, localQueue, batchDelay] = process.argv.slice(2);
const count = Number(jobs);
const batch = 500;

const preset = {
  worker: {
    connectionString: url,
    schema,
    concurrentJobs: Number(concurrentJobs),
    maxPoolSize: Number(concurrentJobs) + 2,
    // It writes a line for each job unless it is told not to.
    logger: new Logger(() => () => {}),
    localQueue: { size: Number(localQueue) },
    completeJobBatchDelay: Number(batchDelay),
    failJobBatchDelay: Number(batchDelay),
  },
};

const utils = await makeWorkerUtils({ preset });
await utils.migrate();
const payload = { text: "x".repeat(Number(bytes)) };

const started = process.hrtime.bigint();
const adding = [];
for (let added = 0; added < count; added += batch) {
  const size = Math.min(batch, count - added);
  adding.push(utils.addJobs(Array.from({ length: size }, () => ({ identifier: "noop", payload }))));
  if (adding.length === 4) {
    await Promise.all(adding.splice(0));
  }
}
await Promise.all(adding);
const queued = process.hrtime.bigint();

let done = 0;
let finished;
const all = new Promise((resolve) => {
  finished = resolve;
});
const runner = await run({
  preset,
  noHandleSignals: true,
  taskList: {
    noop: () => {
      done += 1;
      if (done === count) finished();
    },
  },
});
await all;
// It completes what it holds before it stops.
await runner.stop();
const worked = process.hrtime.bigint();
const left = await utils.withPgClient((client) =>
  client.query(`select count(*)::int as jobs from ${schema}._private_jobs`),
);
await utils.release();

const seconds = (from, to) => Number(to - from) / 1e9;
console.log(JSON.stringify({ add: seconds(started, queued), work: seconds(queued, worked), left: left.rows[0].jobs }));
process.exit(0);
