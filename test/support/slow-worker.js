// Loaded before a program: a worker stands still for so long before it begins to load.
if (process.argv.includes('worker')) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Number(process.env.WORKER_DELAY_SECONDS) * 1000)
}
