/** What the kernel does with a connection at once, by calls of the C library: Node needs a request and another turn of the event loop for it. */
import type { Socket } from 'node:net'
import { constants, endianness } from 'node:os'
import { type Library, loadLibrary, type NativeCall } from './native.ts'

/** By descriptors of connections in which nothing of Node's own waits to be written. None of them waits. */
export interface SocketCalls {
  /**
   * Puts bytes into the connection, as many as fit, and returns how many: 0 where it is lost as well, which writing in the usual way tells.
   * With `more`, they may wait for `end`, and for others to follow.
   */
  send(descriptor: number, bytes: Uint8Array, then: 'more' | 'nothing'): number
  /** Takes bytes that have come, and returns how many: 0 at the end. */
  receive(descriptor: number, into: Uint8Array): number | 'nothing yet' | 'lost'
  /** The same without taking them. */
  peek(descriptor: number, into: Uint8Array): number | 'nothing yet' | 'lost'
  /** Ends our half; false where the connection is lost. */
  end(descriptor: number): boolean
  /** The next connection that waits at a descriptor that is listened on; undefined where none does. */
  accept(descriptor: number): number | undefined
  /** The other end where it has an IPv4 address, be it mapped into IPv6; undefined where it has another, or the connection is lost. */
  peer(descriptor: number): { readonly address: string; readonly port: number } | undefined
  /** Another descriptor of the same; undefined where there is none to be had. */
  duplicate(descriptor: number): number | undefined
  /** A number that changes with each byte that the connection takes from us or from the other end, or that the other end has received; undefined where it can't be had. */
  movement(descriptor: number): bigint | undefined
}

/** Undefined where it can't be had, as `sendfile` can't. */
export function loadSocketCalls(): SocketCalls | undefined {
  try {
    return createSocketCalls(loadLibrary())
  } catch {
    return undefined
  }
}

// asm-generic/socket.h, linux/socket.h, linux/fcntl.h
const withoutTaking = 0x2
const withoutWaiting = 0x40
const withoutSignal = 0x4000
/** So that FIN comes in the same packet, and the client wakes up once. */
const moreFollows = 0x8000
const ourHalf = 1
// asm-generic/fcntl.h
const withoutBlocking = 0o4000
const closeOnExec = 0o2000000
const duplicateCloseOnExec = 1030
const isLittle = endianness() === 'LE'
// netinet/tcp.h: TCP_INFO, and where in it tcpi_bytes_acked and tcpi_bytes_received are
const tcpLevel = 6
const tcpInfo = 11
const ackedAt = 120
const receivedAt = 128
const infoBytes = 136
// netinet/in.h: sockaddr_in and sockaddr_in6, of which the last four bytes of the address are those of IPv4 if it is mapped
const addressBytes = 28
const version4 = 2
const version6 = 10
const portAt = 2
const address4At = 4
const address6At = 8
const mappedMark = 0xffff
// asm-generic/ioctls.h: SIOCOUTQ
const countQueued = 0x5411

function createSocketCalls(library: Library): SocketCalls {
  const send = library.func('long send(int fd, const void *bytes, size_t count, int flags)')
  const receive = library.func('long recv(int fd, void *bytes, size_t count, int flags)')
  const shutdown = library.func('int shutdown(int fd, int how)')
  const fcntl: NativeCall = library.func('int fcntl(int fd, int command, ...)')
  const getsockopt = library.func('int getsockopt(int fd, int level, int option, void *value, unsigned int *bytes)')
  const ioctl = library.func('int ioctl(int fd, unsigned long request, ...)')
  const receiveBy = (flags: number, descriptor: number, into: Uint8Array): number | 'nothing yet' | 'lost' => {
    const count = receive(descriptor, into, into.length, flags)
    if (count >= 0) return count
    const { EAGAIN, EINTR } = constants.errno
    const errno = library.errno()
    return errno === EAGAIN || errno === EINTR ? 'nothing yet' : 'lost'
  }
  const getpeername = library.func('int getpeername(int fd, void *address, void *bytes)')
  const peer = new DataView(new ArrayBuffer(addressBytes))
  const peerBytes = new Uint32Array(1)
  const texts = new AddressTexts()
  const accept = library.func('int accept4(int fd, void *address, void *bytes, int flags)')
  return {
    accept(descriptor) {
      const accepted = accept(descriptor, null, null, withoutBlocking | closeOnExec)
      return accepted < 0 ? undefined : accepted
    },
    send(descriptor, bytes, then) {
      if (bytes.length === 0) return 0
      const flags = withoutWaiting | withoutSignal | (then === 'more' ? moreFollows : 0)
      return Math.max(0, send(descriptor, bytes, bytes.length, flags))
    },
    receive: (descriptor, into) => receiveBy(withoutWaiting, descriptor, into),
    peek: (descriptor, into) => receiveBy(withoutWaiting | withoutTaking, descriptor, into),
    end: descriptor => shutdown(descriptor, ourHalf) === 0,
    peer(descriptor) {
      peerBytes[0] = addressBytes
      if (getpeername(descriptor, peer, peerBytes) !== 0) return undefined
      const address = addressIn(peer)
      return address === undefined ? undefined : { address: texts.of(address), port: peer.getUint16(portAt) }
    },
    duplicate(descriptor) {
      const own = fcntl(descriptor, duplicateCloseOnExec, 'int', 0)
      return own < 0 ? undefined : own
    },
    movement(descriptor) {
      const info = new DataView(new ArrayBuffer(infoBytes))
      const size = Uint32Array.of(infoBytes)
      const queued = new Int32Array(1)
      const isKnown =
        getsockopt(descriptor, tcpLevel, tcpInfo, info, size) === 0 &&
        size[0] === infoBytes &&
        ioctl(descriptor, countQueued, 'void *', queued) === 0
      if (!isKnown) return undefined
      // What is acknowledged leaves the queue: counted once, both would cancel out.
      return (
        info.getBigUint64(ackedAt, isLittle) * 2n + info.getBigUint64(receivedAt, isLittle) + BigInt(queued[0] ?? 0)
      )
    },
  }
}

/** The IPv4 address, as a number. */
function addressIn(end: DataView): number | undefined {
  const family = end.getUint16(0, isLittle)
  if (family === version4) return end.getUint32(address4At)
  const isMapped =
    family === version6 && end.getBigUint64(address6At) === 0n && end.getUint32(address6At + 8) === mappedMark
  return isMapped ? end.getUint32(address6At + 12) : undefined
}

/** One text for each of the addresses that came lately, which is looked up quicker than another that is equal. */
class AddressTexts {
  readonly #texts = new Map<number, string>()

  of(address: number): string {
    const known = this.#texts.get(address)
    if (known !== undefined) return known
    const text = [address >>> 24, (address >> 16) & 255, (address >> 8) & 255, address & 255].join('.')
    if (this.#texts.size >= mostTexts) this.#texts.clear()
    this.#texts.set(address, text)
    return text
  }
}

const mostTexts = 1024

/** Nothing can close it before a call in place returns. */
export function descriptorOf(socket: Socket): number | undefined {
  if (socket.destroyed) return undefined
  const descriptor: unknown = Reflect.get(Object(Reflect.get(socket, '_handle')), 'fd')
  return typeof descriptor === 'number' && descriptor >= 0 ? descriptor : undefined
}
