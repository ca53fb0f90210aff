/** The guide says what to do for every reason that a condition can have when something is not well. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'

/** Folders and files: the others of `users/` are about FtpUsers, which have conditions of their own. */
const sources = [
  'operator/ftp-server',
  'operator/observation/live.ts',
  'operator/passive-probe',
  'operator/snapshots',
  'operator/users/password.ts',
  'operator/users/user-files.ts',
]
/** What is well, and what conditions do not show: needs of certificates, and the API server’s own words. */
const elsewhere = new Set([
  ...['AllReplicasReady', 'Applied', 'AllAccepted', 'SelfSigned', 'Valid', 'NotNeeded', 'Assigned', 'AddressOfPod'],
  ...[
    'Bound',
    'EmptyDir',
    'Settled',
    'NotStalled',
    'Serving',
    'HostNetwork',
    'WithinCluster',
    'LocalTraffic',
    'ProxyProtocol',
    'Verified',
  ],
  ...['Missing', 'Unusable', 'Expiring', 'NamesChanged', 'Forbidden', 'NotFound', 'Conflict'],
  // Conditions, states, types and actions that stand in the same lines.
  ...['True', 'False', 'Unknown', 'Stalled', 'Secret', 'ConfigMap', 'Deployment', 'Warning', 'Normal'],
  ...['Apply', 'Reconcile', 'LoadBalancer', 'NodePort', 'ContainerCreating', 'PodInitializing', 'ErrImagePull'],
])

/** Words in quotes, in lines that are about a reason. */
async function reasons(): Promise<ReadonlySet<string>> {
  const lists = await Promise.all(
    sources.map(async source =>
      source.endsWith('.ts') ? [source] : (await readdir(source, { recursive: true })).map(name => join(source, name)),
    ),
  )
  const files = lists.flat().filter(name => name.endsWith('.ts') && !name.endsWith('.test.ts'))
  const texts = await Promise.all(files.map(name => readFile(name, 'utf8')))
  const lines = texts.join('\n').match(/^.*(?:\breason\b|\b(?:no|not|nothing|yes|refuse)\(').*$/gm) ?? []
  const words = lines.flatMap(line => [...line.matchAll(/'([A-Z][A-Za-z0-9]+)'/g)].map(([, word]) => word ?? ''))
  return new Set(words.filter(word => !elsewhere.has(word)))
}

async function guide(): Promise<string> {
  const text = await readFile('docs/guides/kubernetes.md', 'utf8')
  const [, section] = /^## What the conditions say, and what to do$(.*?)^## /ms.exec(text) ?? []
  if (section === undefined) throw new Error('the guide has no such section')
  return section
}

test('every reason is in the guide', async () => {
  const found = await reasons()
  expect(found.size).toBeGreaterThan(40)
  const section = await guide()
  expect([...found].filter(reason => !section.includes(`\`${reason}\``)).toSorted()).toEqual([])
})

test('the guide has no reason that the operator does not know', async () => {
  const rows = (await guide()).split('\n').filter(line => line.startsWith('| '))
  const named = rows.flatMap(row =>
    [...(row.split('|')[2] ?? '').matchAll(/`([A-Z]\w+)`/g)].map(([, word]) => word ?? ''),
  )
  const known = await reasons()
  expect(named.length).toBeGreaterThan(40)
  expect(named.filter(reason => !known.has(reason) && !composed.has(reason))).toEqual([])
})

/** Reasons of the kubelet and the scheduler, which the operator passes on, and one that is made of a kind. */
const composed = new Set([
  'ConfigMapNotFound',
  ...['Unschedulable', 'InvalidImageName', 'CrashLoopBackOff'],
  'CreateContainerConfigError',
])
