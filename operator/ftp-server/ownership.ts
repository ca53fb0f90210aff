/** Whose an object is that has a name which a server wants. Pure. */
import { type FtpServer, kind } from '../api/ftp-server.ts'
import { labelKeys, managedBy } from '../desired/names.ts'
import type { KubernetesObject } from '../kubernetes/object.ts'

/**
 * `own`: of this server, to be applied. `left`: of a server that had this name before, and about to be collected.
 * `foreign`: left alone for good.
 */
export type Ownership = 'own' | 'left' | 'foreign'

export function ownershipOf({ metadata }: KubernetesObject, server: FtpServer): Ownership {
  const { labels = {}, ownerReferences = [] } = metadata
  const controller = ownerReferences.find(owner => owner.controller === true)
  if (controller?.uid === server.metadata.uid) return 'own'
  if (controller !== undefined) {
    return controller.kind === kind && controller.name === server.metadata.name ? 'left' : 'foreign'
  }
  // A claim that outlived its server, or something whose owner somebody took away, has nothing but its labels.
  const isOurs = labels[labelKeys.managedBy] === managedBy && labels[labelKeys.instance] === server.metadata.name
  return isOurs ? 'own' : 'foreign'
}
