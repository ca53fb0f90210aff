/** rclone: one process a command, whose remote is all in its environment, so that it reads no configuration. */
import { type FoundClient, isActive, isImplicit, type Target, tlsVersion, urlHostOf } from './client.ts'
import { ask, type ProcessResult, run } from './process.ts'

export async function findRclone(): Promise<FoundClient> {
  const name = 'rclone'
  if ((await ask(name, ['version'])) === undefined) return { name, missing: 'rclone is not installed' }
  return {
    name,
    client: {
      name,
      limitation: connection => (isActive(connection) ? 'rclone has no active mode' : undefined),
      async run() {
        throw new Error('rclone has commands of its own: use runRclone')
      },
    },
  }
}

/** Runs one command of rclone; what lies on the server is `:ftp:path` in its arguments. Nothing is tried twice. */
export async function runRclone(
  target: Target,
  args: readonly string[],
  options?: { readonly input?: string; readonly deadlineMilliseconds?: number },
): Promise<ProcessResult> {
  const once = ['--retries', '1', '--low-level-retries', '1', '--contimeout', '10s', '--timeout', '20s']
  const environment = await environmentOf(target)
  return run('rclone', ['--config', '', '-vv', ...once, ...args], { ...options, environment })
}

async function environmentOf(target: Target): Promise<Record<string, string>> {
  const obscured = (await ask('rclone', ['obscure', target.password]))?.trim()
  if (obscured === undefined) throw new Error('rclone does not take the password.')
  const version = tlsVersion(target)
  return {
    // Its FTP takes no heed of `--ca-cert`; Go's own variable counts.
    SSL_CERT_FILE: target.authority,
    RCLONE_FTP_HOST: urlHostOf(target),
    RCLONE_FTP_PORT: String(target.port),
    RCLONE_FTP_USER: target.user,
    RCLONE_FTP_PASS: obscured,
    RCLONE_FTP_DISABLE_EPSV: String(target.data === 'PASV'),
    RCLONE_FTP_TLS: String(isImplicit(target)),
    RCLONE_FTP_EXPLICIT_TLS: String(version !== undefined && !isImplicit(target)),
    RCLONE_FTP_DISABLE_TLS13: String(version === '1.2'),
  }
}
