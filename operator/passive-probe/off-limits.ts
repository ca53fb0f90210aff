/** Where the operator tries nothing, whoever names the address: itself, its link with the metadata of clouds, groups. */
import { lookup } from 'node:dns'
import { BlockList, isIP, type LookupFunction } from 'node:net'

/** Whoever writes a resource may have the operator connect to what it names, and is told how that went: no client is there anyway. */
export function isOffLimits(address: string): boolean {
  return offLimits.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
}

/** Resolves names as usual, without the addresses that are not to be tried; `ENOTFOUND` where none is left. */
export function lookupWithout(isExcluded: (address: string) => boolean): LookupFunction {
  return (host, options, done) => {
    lookup(host, { ...options, all: true }, (error, found) => {
      const [first, ...others] = error === null ? found.filter(({ address }) => !isExcluded(address)) : []
      if (first === undefined) done(error ?? Object.assign(new Error('no address'), { code: 'ENOTFOUND' }), '')
      else if (options.all === true) done(null, [first, ...others])
      else done(null, first.address, first.family)
    })
  }
}

const offLimits = new BlockList()
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['224.0.0.0', 3],
] as const)
  offLimits.addSubnet(network, prefix, 'ipv4')
for (const [network, prefix] of [
  ['::', 127],
  ['fe80::', 10],
  ['fd00:ec2::', 32],
  ['ff00::', 8],
] as const)
  offLimits.addSubnet(network, prefix, 'ipv6')
