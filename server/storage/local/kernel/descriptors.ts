/** Descriptors of this process. */
import { closeSync, openSync } from 'node:fs'

/** Whether anything could be opened now, a connection among others. */
export function hasDescriptorLeft(): boolean {
  try {
    closeSync(openSync('/dev/null', 'r'))
    return true
  } catch (error) {
    return !(error instanceof Error && 'code' in error && (error.code === 'EMFILE' || error.code === 'ENFILE'))
  }
}
