/** The user with whom something outside tries whether clients get in (`probes.user`). */
import type { Configuration } from '../configuration.ts'

export function isProbeUser({ server }: Pick<Configuration, 'server'>, name: string): boolean {
  return server.probes.user === name
}

/** Users in force who are people's. */
export function countUsers(configuration: Pick<Configuration, 'server' | 'users'>): number {
  const { user } = configuration.server.probes
  return configuration.users.size - Number(user !== undefined && configuration.users.has(user))
}
