// Loaded before a program: SIGUSR2 sets its clock by a day, or as far as the environment says, forward and back in turns. The monotonic clock goes on.
const stepMilliseconds = Number(process.env.CLOCK_STEP_SECONDS ?? 86_400) * 1000
const trueNow = Date.now
let offset = 0
Date.now = () => trueNow() + offset
process.on('SIGUSR2', () => {
  offset = offset === stepMilliseconds ? -stepMilliseconds : stepMilliseconds
})
