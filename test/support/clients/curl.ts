/** curl: one process, whose operations are separated by `--next` and share one control connection. */
import {
  type Connection,
  type FoundClient,
  hostOf,
  isActive,
  isImplicit,
  type Operation,
  type RunOptions,
  type Target,
  tlsVersion,
  urlHostOf,
} from './client.ts'
import { ask, type ProcessResult, run } from './process.ts'

export async function findCurl(): Promise<FoundClient> {
  const about = await ask('curl', ['--version'])
  if (about === undefined) return { name: 'curl', missing: 'curl is not installed' }
  if (!/^Protocols:.* ftps /m.test(about)) return { name: 'curl', missing: 'this curl was built without FTPS' }
  const version = /^curl (\d+\.\d+\.\d+)/.exec(about)?.[1] ?? 'unknown'
  return {
    name: 'curl',
    client: {
      name: 'curl',
      limitation: connection => limitation(connection, version),
      async run(target, operations, options) {
        await runCurl(target, operations, [], options)
      },
    },
  }
}

/** Does it all in one process, which uses one control connection where it can; `more` are options for each operation. */
export function runCurl(
  target: Target,
  operations: readonly Operation[],
  more: readonly string[],
  options?: RunOptions,
): Promise<ProcessResult> {
  const args = operations.flatMap((operation, index) => [
    ...(index === 0 ? [] : ['--next']),
    ...connectionArguments(target),
    ...more,
    ...operationArguments(target, operation),
  ])
  return run('curl', args, options)
}

/** https://github.com/curl/curl/issues/10666: these versions accept the server's connection and never begin TLS on it. */
const versionsWithoutActiveTls = ['7.87.0', '7.88.0', '7.88.1']

function limitation(connection: Connection, version: string): string | undefined {
  const affected =
    versionsWithoutActiveTls.includes(version) && isActive(connection) && tlsVersion(connection) !== undefined
  return affected ? `curl ${version} never begins TLS on active connections (fixed in 8.0.0)` : undefined
}

/** Everything but what to do. */
function connectionArguments(target: Target): string[] {
  const { user, password, authority, certificate } = target
  return [
    ...['--disable', '--silent', '--show-error', '--verbose', '--fail-early', '--globoff', '--noproxy', '*'],
    ...['--connect-timeout', '10', '--user', `${user}:${password}`],
    ...dataArguments(target),
    ...tlsArguments(target, authority),
    ...(certificate === undefined ? [] : ['--cert', certificate.certificate, '--key', certificate.key]),
  ]
}

function curlUrl(target: Target, path: string): string {
  const scheme = isImplicit(target) ? 'ftps' : 'ftp'
  return `${scheme}://${urlHostOf(target)}:${target.port}/${path.split('/').map(encodeURIComponent).join('/')}`
}

function dataArguments(connection: Connection): string[] {
  if (connection.data === 'PASV') return ['--disable-epsv']
  if (!isActive(connection)) return []
  return ['--ftp-port', hostOf(connection), ...(connection.data === 'PORT' ? ['--disable-eprt'] : [])]
}

function tlsArguments(connection: Connection, authority: string): string[] {
  const version = tlsVersion(connection)
  if (version === undefined) return []
  return [
    ...['--cacert', authority, `--tlsv${version}`, '--tls-max', version],
    ...(isImplicit(connection) ? [] : ['--ssl-reqd']),
  ]
}

function operationArguments(target: Target, operation: Operation): string[] {
  const url = (path: string) => curlUrl(target, path)
  /** Commands without a transfer. */
  const quote = (...commands: readonly string[]) => [
    ...commands.flatMap(command => ['--quote', command]),
    ...['--head', url('')],
  ]
  switch (operation.do) {
    case 'list':
      return [...(operation.style === 'names' ? ['--list-only'] : []), '--output', operation.into, url('')]
    case 'upload':
      return ['--upload-file', operation.local, url(operation.remote)]
    case 'download':
      return ['--output', operation.local, url(operation.remote)]
    case 'resume upload':
      return ['--continue-at', '-', '--upload-file', operation.local, url(operation.remote)]
    case 'resume download':
      return ['--continue-at', '-', '--output', operation.local, url(operation.remote)]
    case 'rename':
      return quote(`RNFR ${operation.from}`, `RNTO ${operation.to}`)
    case 'delete':
      return quote(`DELE ${operation.remote}`)
    case 'mkdir':
      return quote(`MKD ${operation.remote}`)
    case 'rmdir':
      return quote(`RMD ${operation.remote}`)
  }
}
