/** Clients that are tried where they happen to be installed. */
import { isImplicit, type Protection, type Target, tlsVersion, urlHostOf } from './client.ts'
import { ask } from './process.ts'

/** Each is undefined if the client can be used, and otherwise the reason why not. */
export type Tools = {
  readonly wget: (protection: Protection) => string | undefined
  readonly ftpput: string | undefined
}

export async function findTools(): Promise<Tools> {
  const [wget, busybox] = await Promise.all([ask('wget', ['--version']), ask('busybox', ['--list'])])
  return {
    wget(protection) {
      if (wget === undefined) return 'wget is not installed'
      if (protection === 'plain') return undefined
      return wget.includes('+https') ? undefined : 'this wget was built without TLS'
    },
    ftpput: busybox?.split('\n').includes('ftpput') === true ? undefined : 'busybox with ftpput is not installed',
  }
}

export function wgetArguments(target: Target, remote: string, local: string): string[] {
  const version = tlsVersion(target)
  const scheme = version === undefined ? 'ftp' : 'ftps'
  return [
    ...['--no-config', '--no-proxy', '--tries=1', '--timeout=10', '--debug'],
    ...[`--user=${target.user}`, `--password=${target.password}`, `--output-document=${local}`],
    ...(version === undefined
      ? []
      : [`--ca-certificate=${target.authority}`, `--secure-protocol=TLSv${version.replace('.', '_')}`]),
    ...(isImplicit(target) ? ['--ftps-implicit'] : []),
    `${scheme}://${urlHostOf(target)}:${target.port}/${encodeURIComponent(remote)}`,
  ]
}
