/** Whose cloud the nodes of a cluster are in. Pure. */
import type { FtpServerSpec } from '../api/ftp-server.ts'

/** Whether the nodes have to be asked. */
export function needsProvider({ service }: FtpServerSpec): boolean {
  return service.type === 'LoadBalancer' && service.loadBalancerClass === undefined
}

/** Such as `aws` of `aws:///eu-central-1a/i-0123`. */
export function providerOf(providerId: string | undefined): string | undefined {
  return /^([a-z]+):\/\//.exec(providerId ?? '')?.[1]
}
