// Loaded before a program: SIGUSR2 sets its clock by a day, forward and back in turns. The monotonic clock goes on.
const dayMilliseconds = 86_400_000
const trueNow = Date.now
let offset = 0
Date.now = () => trueNow() + offset
process.on('SIGUSR2', () => {
  offset = offset === dayMilliseconds ? -dayMilliseconds : dayMilliseconds
})
