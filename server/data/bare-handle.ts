/** What Node has below its sockets, as far as it is used without them. Nothing of it is documented: whether all is there is looked at before. */

export type End = { readonly address: string; readonly port: number }

export type Handle = {
  readonly fd: number
  readonly getpeername: (end: Partial<End>) => number
  readonly getsockname: (end: Partial<End>) => number
  readonly useUserBuffer: (buffer: Uint8Array) => void
  readonly setNoDelay: (on: boolean) => number
  readonly setKeepAlive: (on: boolean, seconds: number) => number
  readonly readStart: () => number
  readonly readStop: () => number
  readonly reset: () => number
  readonly close: () => void
  onread: () => void
}

const methods = [
  'getpeername',
  'getsockname',
  'setNoDelay',
  'setKeepAlive',
  'useUserBuffer',
  'readStart',
  'readStop',
  'reset',
  'close',
]

/** Node's own class of what it accepts; makes one that is for a connection. */
export type HandleKind = new (purpose: number) => Handle & { readonly open: (descriptor: number) => number }
const connected = 0

/** Of a handle; undefined where none can be made that way. */
export function handleKindOf(handle: unknown): HandleKind | undefined {
  const kind: unknown = Reflect.get(Object(handle), 'constructor')
  if (!isHandle(handle) || typeof Reflect.get(handle, 'open') !== 'function' || typeof kind !== 'function')
    return undefined
  return kind as HandleKind
}

/** Undefined where the descriptor can't be had; it stays open then. */
export function handleOf(descriptor: number, Kind: HandleKind): Handle | undefined {
  const handle = new Kind(connected)
  if (handle.open(descriptor) === 0) return handle
  handle.close()
  return undefined
}

export function isHandle(handle: unknown): handle is Handle {
  const has = (name: string): boolean => typeof Reflect.get(Object(handle), name) === 'function'
  return methods.every(has) && typeof Reflect.get(Object(handle), 'fd') === 'number'
}

/** Options of a socket that is made of an accepted connection. `pauseOnCreate` is not documented, and not needed: nobody has read anything then. */
export const ofAccepted = { pauseOnCreate: true, allowHalfOpen: true, readable: true, writable: true } as const
