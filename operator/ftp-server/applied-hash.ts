/** The hash of a manifest, by which is seen later that it was applied as it is. Pure. */
import { createHash } from 'node:crypto'
import { annotationKeys } from '../desired/names.ts'
import type { Manifest } from '../kubernetes/object.ts'
import { at } from '../kubernetes/read.ts'

export function withHash(manifest: Manifest): Manifest {
  const { metadata } = manifest
  const annotations = {
    ...(at(metadata, 'annotations') as Record<string, string> | undefined),
    [annotationKeys.appliedHash]: shortHash(manifest),
  }
  return { ...manifest, metadata: { ...metadata, annotations } as Manifest['metadata'] }
}

// Enough to tell versions of one object apart, and short enough to be read.
export function shortHash(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 16)
}
