/** Where the API server is and how to prove who we are, from a kubeconfig or from a pod's service account. */
import { readFile, stat } from 'node:fs/promises'
import type { RequestOptions } from 'node:https'
import type { KubeConfig } from '@kubernetes/client-node'
import type { Clock } from '../time/clock.ts'

export type Access = {
  readonly server: URL
  readonly proxyUrl?: string | undefined
  readonly headers: Readonly<Record<string, string>>
  readonly tls: AccessTls
}

export type AccessTls = {
  readonly ca?: string | undefined
  readonly cert?: string | undefined
  readonly key?: string | undefined
  readonly servername?: string | undefined
  readonly rejectUnauthorized?: boolean | undefined
}

export interface Credentials {
  /** As they are now. `renew` asks for new ones even if nothing seems to have changed: the old were refused. */
  access(renew?: 'renew'): Promise<Access>
}

/**
 * Reads files again when they change: the tokens of pods live for an hour, and certificates are rotated.
 * If that fails, what was read before stays in use.
 */
export function createCredentials(kubeConfig: KubeConfig, clock: Clock): Credentials {
  const cluster = kubeConfig.getCurrentCluster()
  if (cluster === null) throw new Error('the kubeconfig has no current context, or no cluster for it')
  const server = new URL(cluster.server)
  const user = kubeConfig.getCurrentUser()
  const tokenFile: unknown = user?.authProvider?.config?.tokenFile
  const tokenPath = typeof tokenFile === 'string' ? tokenFile : undefined
  const files = [cluster.caFile, user?.certFile, user?.keyFile, tokenPath].filter(path => path !== undefined)
  const external = user?.exec !== undefined || (user?.authProvider !== undefined && tokenPath === undefined)

  let known: { access: Access; stamps: string; milliseconds: number } | undefined
  let checkedMilliseconds = Number.NEGATIVE_INFINITY
  let reading: Promise<Access> | undefined

  async function load(): Promise<Access> {
    const stamps = await stampsOf(files)
    // The library's own reader of tokens keeps them for a minute after they were replaced.
    const token = tokenPath === undefined ? undefined : (await readFile(tokenPath, 'utf8')).trim()
    const options: RequestOptions & { servername?: string } = {}
    await kubeConfig.applyToHTTPSOptions(options)
    const access = {
      server,
      proxyUrl: cluster?.proxyUrl,
      headers: {
        ...headersOf(options),
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
      },
      tls: {
        ca: text(options.ca),
        cert: text(options.cert),
        key: text(options.key),
        servername: options.servername,
        rejectUnauthorized: options.rejectUnauthorized,
      },
    }
    known = { access, stamps, milliseconds: clock.milliseconds() }
    return access
  }

  async function isFresh(): Promise<boolean> {
    if (known === undefined) return false
    const now = clock.milliseconds()
    if (external && now - known.milliseconds > externalMilliseconds) return false
    if (now - checkedMilliseconds < checkMilliseconds) return true
    checkedMilliseconds = now
    return (await stampsOf(files)) === known.stamps
  }

  return {
    async access(renew) {
      if (renew === undefined && (await isFresh()) && known !== undefined) return known.access
      reading ??= load().finally(() => {
        reading = undefined
      })
      try {
        return await reading
      } catch (error) {
        if (known === undefined) throw error
        return known.access
      }
    },
  }
}

// A look at four files costs about 0.1 ms; once a second is plenty for what changes once an hour.
const checkMilliseconds = 1000
// Programs that print credentials are asked by the library, which keeps them until they expire.
const externalMilliseconds = 60_000

async function stampsOf(paths: readonly string[]): Promise<string> {
  const stamps = await Promise.all(
    paths.map(path =>
      stat(path, { bigint: true }).then(
        ({ mtimeNs, ino, size }) => `${mtimeNs}/${ino}/${size}`,
        () => 'absent',
      ),
    ),
  )
  return stamps.join(' ')
}

function headersOf({ headers, auth }: RequestOptions): Record<string, string> {
  const found: Record<string, string> = {}
  if (typeof auth === 'string') found['authorization'] = `Basic ${Buffer.from(auth).toString('base64')}`
  for (const [name, value] of Object.entries(headers ?? {})) found[name.toLowerCase()] = String(value).trim()
  return found
}

function text(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  return Buffer.isBuffer(value) ? value.toString('utf8') : undefined
}
