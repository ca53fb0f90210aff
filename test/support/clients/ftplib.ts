/** ftplib of Python: one process, which runs `ftplib-session.py`. */
import { fileURLToPath } from 'node:url'
import {
  type FoundClient,
  hostOf,
  isImplicit,
  type Operation,
  type RunOptions,
  type Target,
  tlsVersion,
} from './client.ts'
import { ask, type ProcessResult, run } from './process.ts'

export async function findFtplib(): Promise<FoundClient> {
  const name = 'ftplib'
  const found = await ask('python3', ['-I', '-c', 'import ftplib, ssl'])
  if (found === undefined) return { name, missing: 'python3 with ftplib and ssl is not installed' }
  return {
    name,
    client: {
      name,
      limitation({ data, family }) {
        if (family === 'IPv6' || data === 'PASV' || data === 'PORT') return undefined
        return `ftplib sends ${data === 'EPSV' ? 'PASV' : 'PORT'} over IPv4, never ${data}`
      },
      async run(target, operations, options) {
        await runFtplib(target, operations, options)
      },
    },
  }
}

/** What only this client is asked for: a download that is given up with ABOR after the first bytes, and NOOP after it. */
export type FtplibOperation = Operation | { readonly do: 'abort download'; readonly remote: string }

/** Resolves to what the session said, commands and replies. */
export async function runFtplib(
  target: Target,
  operations: readonly FtplibOperation[],
  options?: RunOptions,
): Promise<ProcessResult> {
  const order = {
    ...target,
    host: hostOf(target),
    tls: tlsVersion(target),
    implicit: isImplicit(target),
    passive: target.data === 'PASV' || target.data === 'EPSV',
    operations,
  }
  // -I: nothing of whoever runs the tests changes what Python imports.
  return run('python3', ['-I', script], { ...options, input: JSON.stringify(order) })
}

const script = fileURLToPath(new URL('ftplib-session.py', import.meta.url))
