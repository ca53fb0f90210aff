/** lftp: one process, which gets a script. */
import { type FoundClient, isActive, isImplicit, type Operation, type Target, tlsVersion, urlHostOf } from './client.ts'
import { ask, type ProcessResult, run } from './process.ts'

export async function findLftp(): Promise<FoundClient> {
  const name = 'lftp'
  if ((await ask('lftp', ['--version'])) === undefined) return { name, missing: 'lftp is not installed' }
  return {
    name,
    client: {
      name,
      limitation({ data, family }) {
        if (data !== 'EPRT') return undefined
        return family === 'IPv4'
          ? 'lftp sends PORT over IPv4, never EPRT'
          : 'lftp binds no address on the loopback interface, and sends EPRT |2|::|port|'
      },
      async run(target, operations, options) {
        await runLftp(target, operations.map(commandOf), options)
      },
    },
  }
}

/** Runs commands of lftp within one session; the first that fails ends it. */
export function runLftp(
  target: Target,
  commands: readonly string[],
  options?: { readonly deadlineMilliseconds?: number },
): Promise<ProcessResult> {
  const scheme = isImplicit(target) ? 'ftps' : 'ftp'
  const script = [
    ...settings(target),
    `open -u ${quote(target.user)},${quote(target.password)} ${scheme}://${urlHostOf(target)}:${target.port}`,
    ...commands,
  ]
  return run('lftp', ['--norc', '-c', script.join('\n')], options)
}

/** A word of lftp's shell. */
export function quote(word: string): string {
  return `"${word.replace(/["\\]/g, '\\$&')}"`
}

function settings(target: Target): string[] {
  return [
    // The log of the session, on stderr.
    'debug 5',
    'set cmd:fail-exit yes',
    'set cmd:interactive no',
    // A test must not pass at the second attempt.
    'set net:max-retries 1',
    'set net:timeout 10',
    `set ftp:passive-mode ${isActive(target) ? 'off' : 'on'}`,
    'set ftp:auto-passive-mode no',
    // It would ask for it wherever FEAT has it, and bytes would not be those of the file.
    'set ftp:use-mode-z no',
    `set ftp:prefer-epsv ${target.data === 'EPSV' ? 'yes' : 'no'}`,
    ...tlsSettings(target),
  ]
}

function tlsSettings(target: Target): string[] {
  const version = tlsVersion(target)
  if (version === undefined) return ['set ftp:ssl-allow no']
  return [
    'set ftp:ssl-force yes',
    `set ssl:ca-file ${quote(target.authority)}`,
    `set ssl:priority ${quote(`NORMAL:-VERS-ALL:+VERS-TLS${version}`)}`,
    ...(target.certificate === undefined
      ? []
      : [
          `set ssl:cert-file ${quote(target.certificate.certificate)}`,
          `set ssl:key-file ${quote(target.certificate.key)}`,
        ]),
  ]
}

function commandOf(operation: Operation): string {
  switch (operation.do) {
    case 'list':
      return `${operation.style === 'names' ? 'cls -1' : 'ls'} > ${quote(operation.into)}`
    case 'upload':
      return `put ${quote(operation.local)} -o ${quote(operation.remote)}`
    case 'download':
      return `get ${quote(operation.remote)} -o ${quote(operation.local)}`
    case 'resume upload':
      return `put -c ${quote(operation.local)} -o ${quote(operation.remote)}`
    case 'resume download':
      return `get -c ${quote(operation.remote)} -o ${quote(operation.local)}`
    case 'rename':
      return `mv ${quote(operation.from)} ${quote(operation.to)}`
    case 'delete':
      return `rm ${quote(operation.remote)}`
    case 'mkdir':
      return `mkdir ${quote(operation.remote)}`
    case 'rmdir':
      return `rmdir ${quote(operation.remote)}`
  }
}
