// Loaded before a program: the system calls that DENIED_CALLS names fail in it and in all that it starts, as in a container whose profile does not allow them.
import { createRequire } from 'node:module'
import { arch, constants } from 'node:os'

const numbers = {
  x64: {
    copy_file_range: 326,
    fcntl: 72,
    memfd_create: 319,
    openat2: 437,
    pipe2: 293,
    seccomp: 317,
    sendfile: 40,
    socketpair: 53,
    splice: 275,
    statx: 332,
  },
  arm64: {
    copy_file_range: 285,
    fcntl: 25,
    memfd_create: 279,
    openat2: 437,
    pipe2: 59,
    seccomp: 277,
    sendfile: 71,
    socketpair: 199,
    splice: 76,
    statx: 291,
  },
}[arch()]

// <linux/bpf_common.h>, <linux/seccomp.h>, <linux/prctl.h>
const [load, jumpIfEqual, answer] = [0x20, 0x15, 0x06]
const [numberAt, secondArgumentAt] = [0, 24]
const [allow, fail] = [0x7fff_0000, 0x0005_0000]
const [setFilter, inAllThreads] = [1, 1]
const noNewPrivileges = 38

/** `splice=ENOSYS`, or `fcntl:37=EINVAL` where only this second argument fails. */
const steps = (process.env.DENIED_CALLS ?? '').split(' ').flatMap(denied => {
  const [, call, argument, error] = /^(\w+)(?::(\d+))?=(\w+)$/.exec(denied)
  const failing = [answer, 0, 0, fail | constants.errno[error]]
  if (argument === undefined) return [[jumpIfEqual, 0, 1, numbers[call]], failing]
  return [
    [jumpIfEqual, 0, 4, numbers[call]],
    [load, 0, 0, secondArgumentAt],
    [jumpIfEqual, 0, 1, Number(argument)],
    failing,
    [load, 0, 0, numberAt],
  ]
})
const filter = [[load, 0, 0, numberAt], ...steps, [answer, 0, 0, allow]]
const bytes = Buffer.allocUnsafeSlow(filter.length * 8)
for (const [index, [code, ifTrue, ifFalse, value]] of filter.entries()) {
  bytes.writeUInt16LE(code, index * 8)
  bytes.writeUInt8(ifTrue, index * 8 + 2)
  bytes.writeUInt8(ifFalse, index * 8 + 3)
  bytes.writeUInt32LE(value, index * 8 + 4)
}
const koffi = createRequire(import.meta.url)('koffi')
const program = Buffer.alloc(16)
program.writeUInt16LE(filter.length, 0)
program.writeBigUInt64LE(koffi.address(bytes), 8)
const library = koffi.load(null)
library.func('int prctl(int option, unsigned long value, unsigned long, unsigned long, unsigned long)')(
  noNewPrivileges,
  1,
  0,
  0,
  0,
)
const syscall = library.func('long syscall(long number, unsigned int operation, unsigned int flags, void *program)')
if (syscall(numbers.seccomp, setFilter, inAllThreads, program) !== 0) throw new Error('There is no filter.')
