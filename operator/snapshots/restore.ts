/** What is told of a claim that waits to be filled. Pure. */
import { amountOf } from '../desired/subset.ts'
import type { DataSource, DataSourceReference } from '../observation/data-source.ts'

/** Of a claim that is not bound yet. Undefined where nothing is to be said. */
export function restoreFinding(
  { kind, name }: DataSourceReference,
  source: DataSource | undefined,
  size: string,
): { readonly reason: string; readonly message: string; readonly isBlocked: boolean } | undefined {
  if (source === undefined) return undefined
  const from = `${kind} ${name}, which the volume is to be filled with,`
  switch (source.state) {
    case 'not-served':
      return {
        reason: 'SourceNotFound',
        message: `${from} is of a kind that the cluster does not have`,
        isBlocked: true,
      }
    case 'missing':
      return { reason: 'SourceNotFound', message: `${from} does not exist`, isBlocked: true }
    case 'pending': {
      const because = source.message === undefined ? '' : `: ${source.message}`
      return { reason: 'SourceNotReady', message: `${from} is not ready to use${because}`, isBlocked: false }
    }
    case 'ready': {
      const [needed, given] = [amountOf(source.size ?? ''), amountOf(size)]
      if (needed !== undefined && given !== undefined && given < needed) {
        const message = `${from} takes ${source.size}, and storage.claim.size is ${size}: make it larger`
        return { reason: 'SmallerThanSource', message, isBlocked: true }
      }
      return { reason: 'Restoring', message: `the volume is being filled with ${kind} ${name}`, isBlocked: false }
    }
  }
}
