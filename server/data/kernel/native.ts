/** Calls of the C library that Node has not, by the optional package `koffi`. */
import { createRequire as requireFrom } from 'node:module'
import { arch, platform } from 'node:os'

export type NativeCall = {
  (...values: readonly unknown[]): number
  /** In a thread; calls back with an error or what the call returned. */
  readonly async: (...values: readonly unknown[]) => void
}
export type Library = {
  /** Declares a function by its prototype in C. Throws where there is none. */
  readonly func: (definition: string) => NativeCall
  /** Of the last call that was not made in a thread; ask right after it. */
  readonly errno: () => number
  /** Where the memory of a buffer is, which has to be a piece of its own (`allocUnsafeSlow`). */
  readonly address: (buffer: Uint8Array) => bigint
}

/** Throws, saying why, where it can't be used: without the package, and where types and numbers are not those of these files. */
export function loadLibrary(): Library {
  const system = `${platform()}-${arch()}`
  if (!systems.has(system)) throw new Error(`not available on ${system}`)
  const native: Omit<Library, 'func'> & { readonly load: (library: null) => Pick<Library, 'func'> } = requireFrom(
    import.meta.url,
  )('koffi')
  const library = native.load(null)
  return {
    func: definition => library.func(definition),
    errno: () => native.errno(),
    address: buffer => native.address(buffer),
  }
}

/** off_t has 64 bits there. */
const systems = new Set(['linux-x64', 'linux-arm64'])
