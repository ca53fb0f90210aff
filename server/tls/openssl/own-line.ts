/** A second way to a connection, for a thread: the number of the first descriptor may be another connection's while it works. */
import type { BareConnection } from '../../data/bare-connection.ts'
import { there } from './errors.ts'
import type { OpenSslLibrary, Pointer } from './library.ts'

/** A descriptor, and OpenSSL's name for it, with which it is closed. */
export type OwnLine = { readonly bio: Pointer; readonly descriptor: number }

/** Throws where the connection is closed. */
export function ownLineOf(library: OpenSslLibrary, bare: BareConnection): OwnLine {
  const descriptor = bare.duplicate()
  if (descriptor === undefined) throw new Error('there is no connection')
  return { bio: there(library.BIO_new_socket(descriptor, 1)), descriptor }
}
