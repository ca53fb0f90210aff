/** What is wrong with a server shows in a condition and an event, leaves the rest running, and is over when it is mended. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { listAt, textAt } from '../../operator/kubernetes/read.ts'
import {
  applyYaml,
  type ClusterAccess,
  connectToCluster,
  createNamespace,
  ftpServer,
  getFtpServer,
  kubectl,
  type OperatorProcess,
  startOperatorProcess,
} from '../support/cluster/cluster.ts'
import { type Place, untilCondition, untilEvent } from '../support/cluster/conditions.ts'
import { eventually } from '../support/eventually.ts'
import { FtpClient } from '../support/ftp-client.ts'
import { simpleUser } from '../support/server.ts'
import { wrongCertificates, wrongUsers } from './wrong-configuration.ts'
import { wrongPorts, wrongStorage, wrongWorkload } from './wrong-surroundings.ts'
import { volumesLabel, type WrongThing } from './wrong-things.ts'

let access: ClusterAccess
let namespace: Awaited<ReturnType<typeof createNamespace>>
let operator: OperatorProcess

beforeAll(async () => {
  access = connectToCluster()
  namespace = await createNamespace('wrong')
  operator = await startOperatorProcess({ namespaces: [namespace.name] })
})

afterAll(async () => {
  await operator?.stop()
  await namespace?.dispose()
  await kubectl(['delete', 'persistentvolume', '-l', `${volumesLabel}=${namespace?.name}`])
  await access?.close()
})

describe.each([
  { about: 'users', things: wrongUsers },
  { about: 'certificates', things: wrongCertificates },
  { about: 'storage', things: wrongStorage },
  { about: 'what runs', things: wrongWorkload },
  { about: 'ports', things: wrongPorts },
])('$about', ({ about, things }) => {
  test.concurrent.each(things.map((thing, index) => ({ ...thing, index })))(
    '$title shows, stops nobody else, and is over when mended',
    async thing => {
      const { shows, event, serves, spoil, mend } = thing
      const place = {
        cluster: access.cluster,
        namespace: namespace.name,
        name: `${about.replaceAll(' ', '-')}-${thing.index}`,
      }
      const everybody = ['alice', ...(thing.users ?? [])]
      await thing.prepare?.(place)
      await applyYaml(serverOf(place, thing))
      if (spoil !== undefined) {
        await untilCondition(place, { type: 'Ready', status: 'True' })
        await untilLoggedIn(place, everybody)
        await spoil(place)
      }

      await untilCondition(place, { ...shows, status: shows.type === 'Stalled' ? 'True' : 'False' }, 100)
      const told = await untilEvent(place, event)
      expect(told).toMatchObject({ type: 'Warning', note: expect.stringMatching(thing.note ?? shows.message) })
      await untilLoggedIn(place, serves)

      await mend(place)
      await untilCondition(place, { type: shows.type, status: shows.type === 'Stalled' ? 'False' : 'True' }, 150)
      await untilCondition(place, { type: 'Ready', status: 'True' }, 150)
      await untilCondition(place, { type: 'Stalled', status: 'False' })
      await untilLoggedIn(place, everybody)
      await kubectl(['-n', place.namespace, 'delete', 'ftp', place.name])
    },
    400_000,
  )
})

function serverOf(place: Place, { spec }: WrongThing) {
  return ftpServer(place.namespace, place.name, {
    listeners: [{ name: 'ftp', port: 3400 }],
    service: { type: 'ClusterIP' },
    users: [simpleUser('alice')],
    limits: { failedLoginDelayMilliseconds: 0 },
    drainSeconds: 1,
    ...spec?.(place),
  })
}

/** All of them, under TLS, at the address that the server tells in its status. */
async function untilLoggedIn({ cluster, namespace: where, name }: Place, users: readonly string[]): Promise<void> {
  if (users.length === 0) return
  const [endpoint] = listAt(await getFtpServer(cluster, where, name), 'status', 'endpoints')
  const { hostname: address, port } = new URL(textAt(endpoint, 'url') ?? '')
  for (const user of users) {
    await eventually(
      async () => {
        const client = await FtpClient.connect(Number(port), address)
        try {
          await client.loginSecurely({}, user)
          return true
        } finally {
          client.close()
        }
      },
      `${user} logs in to ${name} at ${address}`,
      20_000,
      200,
    )
  }
}
