/** What a process needs to serve sessions: users who log in, files, and the sessions themselves. */
import { resolve } from 'node:path'
import type { Logger } from 'pino'
import { createAuthenticator } from './auth/authenticator.ts'
import { createPasswordVerifier } from './auth/password.ts'
import type { Configuration } from './config/configuration.ts'
import { loadSendfile } from './data/sendfile.ts'
import { Sessions, type SessionsOptions } from './sessions.ts'
import { mayLead } from './storage/guarded.ts'
import { openLocalStorage, RunningUploads } from './storage/local.ts'
import { loadStatx } from './storage/local-statx.ts'
import { Volumes } from './storage/local-volume.ts'
import type { UploadClaims } from './storage/upload-claims.ts'
import type { SharedState } from './workers/shared-state.ts'

export type ServingOptions = Omit<SessionsOptions, 'authenticator' | 'openStorage' | 'sendfile'> & {
  readonly logger: Pick<Logger, 'info'>
  /** Whether the kernel sends files by itself where it can, which is the default. */
  readonly sendfile: 'off' | undefined
}

export type Serving = {
  readonly sessions: Sessions
  /** Ends what checks passwords; the sessions are closed before. */
  close(): Promise<void>
}

export function createServing(options: ServingOptions): Serving {
  const verifier = createPasswordVerifier({ onFault: error => options.telemetry.fault(error) })
  const kernel = options.sendfile === 'off' ? { reason: 'off' } : loadSendfile()
  if ('reason' in kernel)
    options.logger.info(kernel, 'files are sent without sendfile, which takes more processor time')
  const uploads = new RunningUploads(uploadClaims(options.shared))
  const statx = loadStatx()
  const volumes = new Volumes()
  const sessions = new Sessions({
    ...options,
    sendfile: 'reason' in kernel ? undefined : kernel,
    authenticator: createAuthenticator(verifier),
    openStorage: (user, configuration) =>
      openLocalStorage({
        root: resolve(configuration.server.root),
        home: user.home,
        uploads,
        mayLead: (path, target) => mayLead(user, path, target),
        symlinks: configuration.server.storage.symlinks,
        concealed: stateDirectoryOf(configuration),
        statx,
        volumes,
      }),
  })
  return {
    sessions,
    close: () => verifier.close(),
  }
}

function stateDirectoryOf({ server }: Configuration): string | undefined {
  const { directory } = server.state
  return directory === undefined ? undefined : resolve(directory)
}

function uploadClaims(shared: SharedState): UploadClaims {
  return {
    claim: identity => shared.claim('upload', identity, 1),
    has: identity => shared.isClaimed('upload', identity),
    release: identity => shared.release('upload', identity),
  }
}
