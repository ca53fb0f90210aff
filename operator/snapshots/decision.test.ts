import { describe, expect, test } from 'vitest'
import { ftpServer, liveClaim, observe } from '../../test/operator/samples.ts'
import type { FtpServer } from '../api/ftp-server.ts'
import type { Observation } from '../observation/observation.ts'
import type { SeenSnapshots, Snapshot } from '../observation/snapshot.ts'
import { decideSnapshots, refused, type SnapshotDecision, type SnapshotStatus } from './decision.ts'

const daily = 'schedule: 0 3 * * *'
const minute = 60_000
const at = (text: string) => Date.parse(`2030-01-${text}Z`)
const morning = at('10T09:00:00')
const classes = [{ name: 'csi', isDefault: true }]

function snapshot(name: string, state: Snapshot['state'], time: number, rest: Partial<Snapshot> = {}): Snapshot {
  return {
    name,
    uid: `uid-of-${name}`,
    resourceVersion: '7',
    claim: 'uploads-data',
    trigger: 'Schedule',
    time,
    created: time,
    state,
    isTakenUp: true,
    message: 'no space left',
    taken: state === 'ready' ? time + 1000 : undefined,
    deleting: false,
    ...rest,
  }
}

type World = {
  readonly spec?: string
  readonly now?: number
  readonly status?: SnapshotStatus
  readonly request?: string
  readonly seen?: SeenSnapshots
  readonly snapshots?: readonly Snapshot[]
  readonly claim?: Observation['claim']
  readonly metadata?: Partial<FtpServer['metadata']>
}

const known = { schedule: '0 3 * * * UTC', lastScheduleTime: '2030-01-09T03:00:00Z' }

function decide(world: World = {}): SnapshotDecision {
  const { spec = `{ ${daily} }`, now = morning, request, snapshots = [] } = world
  const storage = spec === '' ? '' : `, snapshots: ${spec}`
  const annotations = request === undefined ? {} : { annotations: { 'ftp-operator.io/snapshot': request } }
  const server = ftpServer(`storage: { claim: { size: 10Gi }${storage} }`, { ...annotations, ...world.metadata })
  const status = {
    conditions: [],
    storage: { claimName: 'uploads-data', ...(world.status && { snapshots: world.status }) },
  }
  return decideSnapshots(
    observe(
      { ...server, status },
      {
        now,
        snapshots: world.seen ?? { kind: 'seen', snapshots, classes },
        claim: 'claim' in world ? world.claim : liveClaim('uploads-data', ['ReadWriteOnce']),
      },
    ),
  )
}

const made = ({ make }: SnapshotDecision) => make.map(({ metadata }) => metadata.name)

describe('The schedule', () => {
  test('begins when it is seen first: nothing is made up for', () => {
    const decision = decide()
    expect(decision.make).toEqual([])
    expect(decision.status).toEqual({
      schedule: '0 3 * * * UTC',
      lastScheduleTime: '2030-01-10T09:00:00Z',
      nextScheduleTime: '2030-01-11T03:00:00Z',
    })
    expect(decision.finding).toEqual({
      status: 'Unknown',
      reason: 'NoneYet',
      message: 'there is none yet; the next is due at 2030-01-11T03:00:00Z',
    })
  })

  test('makes a snapshot at its time, with the time in its name', () => {
    const { make, status } = decide({ now: at('10T03:00:00'), status: known })
    expect(make).toEqual([
      {
        apiVersion: 'snapshot.storage.k8s.io/v1',
        kind: 'VolumeSnapshot',
        metadata: {
          name: 'uploads-20300110t0300z',
          namespace: 'media',
          labels: {
            'app.kubernetes.io/name': 'ftp-server',
            'app.kubernetes.io/instance': 'uploads',
            'app.kubernetes.io/managed-by': 'ftp-operator',
            'ftp-operator.io/snapshot-trigger': 'Schedule',
          },
          annotations: { 'ftp-operator.io/scheduled-time': '2030-01-10T03:00:00Z' },
        },
        spec: { source: { persistentVolumeClaimName: 'uploads-data' } },
      },
    ])
    expect(status).toMatchObject({
      lastScheduleTime: '2030-01-10T03:00:00Z',
      nextScheduleTime: '2030-01-11T03:00:00Z',
    })
  })

  test('what was missed is made once, for the newest time', () => {
    const decision = decide({ now: at('20T09:00:00'), status: known })
    expect(made(decision)).toEqual(['uploads-20300120t0300z'])
    const after = decide({ now: at('20T09:00:01'), ...(decision.status && { status: decision.status }) })
    expect(after.make).toEqual([])
  })

  test('one that is there is not made again, whoever made it', () => {
    const there = snapshot('uploads-20300110t0300z', 'pending', at('10T03:00:00'))
    const decision = decide({ status: known, snapshots: [there] })
    expect(decision.make).toEqual([])
    expect(decision.status?.lastScheduleTime).toBe('2030-01-10T03:00:00Z')
  })

  test('where it was refused it is tried again, and told', () => {
    const decision = refused(decide({ status: known }), 'VolumeSnapshot x: denied')
    expect(decision.finding).toMatchObject({ status: 'False', reason: 'SnapshotRefused' })
    expect(decision.status).toMatchObject(known)
    expect(made(decide({ status: decision.status ?? {} }))).toEqual(['uploads-20300110t0300z'])
  })

  test('of another text begins anew', () => {
    const { make, status } = decide({ spec: '{ schedule: 0 5 * * * }', status: known })
    expect(make).toEqual([])
    expect(status).toMatchObject({ schedule: '0 5 * * * UTC', lastScheduleTime: '2030-01-10T09:00:00Z' })
  })

  test('goes by its time zone', () => {
    const spec = '{ schedule: 0 3 * * *, timeZone: America/New_York }'
    const status = { ...known, schedule: '0 3 * * * America/New_York' }
    expect(made(decide({ spec, status, now: at('10T07:59:00') }))).toEqual(['uploads-20300109t0800z'])
    expect(made(decide({ spec, status, now: at('10T08:00:00') }))).toEqual(['uploads-20300110t0800z'])
  })

  test('rests while it is suspended, and begins anew after', () => {
    const spec = `{ ${daily}, suspend: true }`
    const many = [0, 1].map(index => snapshot(`s-${index}`, 'ready', at(`0${index + 1}T03:00:00`)))
    const decision = decide({
      spec: `{ ${daily}, suspend: true, retention: { maxCount: 1 } }`,
      status: known,
      snapshots: many,
    })
    expect(decision).toMatchObject({ make: [], remove: [], finding: { status: 'Unknown', reason: 'Suspended' } })
    expect(decision.status).toEqual({ lastSuccessfulTime: '2030-01-02T03:00:01Z', lastSuccessfulName: 's-1' })
    expect(decide({ spec, status: known }).status).toBeUndefined()
  })

  test.each(['paused: true', 'deletionTimestamp'])('does nothing with %s, and makes up for it once', what => {
    const metadata = what === 'deletionTimestamp' ? { deletionTimestamp: '2030-01-10T08:00:00Z' } : {}
    const server = ftpServer(
      `storage: { claim: { size: 1Gi }, snapshots: { ${daily}, retention: { maxCount: 1 } } }\n${what === 'deletionTimestamp' ? '' : what}`,
      metadata,
    )
    const status = { storage: { snapshots: known } }
    const old = [1, 2].map(day => snapshot(`s-${day}`, 'ready', at(`0${day}T03:00:00`)))
    const decision = decideSnapshots(
      observe(
        { ...server, status },
        {
          now: morning,
          claim: liveClaim('uploads-data', ['ReadWriteOnce']),
          snapshots: { kind: 'seen', snapshots: old, classes },
        },
      ),
    )
    expect(decision).toMatchObject({ make: [], remove: [], status: known })
  })

  test('waits for one that is being made, for a day at most', () => {
    const busy = snapshot('uploads-20300109t0300z', 'pending', at('09T03:00:00'))
    const waiting = decide({
      now: at('10T03:00:00') - 1,
      status: known,
      snapshots: [busy],
      spec: '{ schedule: 0 2 * * * }',
    })
    expect(waiting.make).toEqual([])
    const status = { schedule: '0 2 * * * UTC', lastScheduleTime: '2030-01-09T03:00:00Z' }
    const held = decide({ now: at('10T02:30:00'), status, snapshots: [busy], spec: '{ schedule: 0 2 * * * }' })
    expect(held.make).toEqual([])
    expect(held.status?.lastScheduleTime).toBe('2030-01-09T03:00:00Z')
    const over = decide({ now: at('10T03:00:00'), status, snapshots: [busy], spec: '{ schedule: 0 2 * * * }' })
    expect(made(over)).toEqual(['uploads-20300110t0200z'])
    const ready = decide({
      now: at('10T02:30:00'),
      status,
      snapshots: [{ ...busy, state: 'ready' }],
      spec: '{ schedule: 0 2 * * * }',
    })
    expect(made(ready)).toEqual(['uploads-20300110t0200z'])
  })

  test('goes on after one that failed', () => {
    const failed = snapshot('uploads-20300109t0300z', 'failed', at('09T03:00:00'))
    expect(made(decide({ status: known, snapshots: [failed] }))).toEqual(['uploads-20300110t0300z'])
  })

  test('leaves no more than four behind that are not ready, though none can be deleted', () => {
    const failed = [5, 6, 7, 8].map(day => snapshot(`f-${day}`, 'failed', at(`0${day}T03:00:00`)))
    const three = decide({ status: known, snapshots: failed.slice(1) })
    expect(made(three)).toEqual(['uploads-20300110t0300z'])
    const [oldest, ...rest] = failed
    const four = decide({ status: known, snapshots: failed })
    expect(four.make).toEqual([])
    expect(four.remove).toEqual([oldest])
    const stuck = oldest === undefined ? rest : [{ ...oldest, deleting: true }, ...rest]
    const held = decide({ status: known, snapshots: stuck })
    expect(held).toMatchObject({ make: [], remove: [], status: { lastScheduleTime: known.lastScheduleTime } })
    expect(held.finding).toMatchObject({ reason: 'SnapshotFailed' })
    expect(made(decide({ status: known, snapshots: rest }))).toEqual(['uploads-20300110t0300z'])
  })

  test('is looked at when it is due, and sooner while one is being made', () => {
    expect(decide({ now: at('10T02:58:00'), status: known, spec: '{ schedule: 0 3 * * * }' }).inMilliseconds).toBe(
      60_000,
    )
    const ready = snapshot('uploads-20300109t0300z', 'ready', at('09T03:00:00'))
    const soon = decide({ now: at('10T02:55:00'), status: known, snapshots: [ready] })
    expect(soon.inMilliseconds).toBe(5 * minute)
    const making = snapshot('uploads-20300110t0300z', 'pending', at('10T03:00:00'))
    const status = { ...known, lastScheduleTime: '2030-01-10T03:00:00Z' }
    const looked = (now: number) => decide({ now, status, snapshots: [ready, making] }).inMilliseconds
    expect(looked(at('10T03:00:01'))).toBe(2000)
    expect(looked(at('10T03:01:40'))).toBe(10_000)
    expect(looked(at('10T04:00:00'))).toBe(60_000)
  })

  test('removes what is not kept any longer, of its own and of this claim only', () => {
    const spec = `{ ${daily}, retention: { maxCount: 1 } }`
    const status = { ...known, lastScheduleTime: '2030-01-10T03:00:00Z' }
    const snapshots = [
      snapshot('newest', 'ready', at('10T03:00:00')),
      snapshot('older', 'ready', at('09T03:00:00')),
      snapshot('asked-for', 'ready', at('08T03:00:00'), { trigger: 'Request' }),
      snapshot('of-another-claim', 'ready', at('07T03:00:00'), { claim: 'elsewhere' }),
      snapshot('going', 'ready', at('06T03:00:00'), { deleting: true }),
    ]
    expect(decide({ spec, status, snapshots }).remove.map(({ name }) => name)).toEqual(['older'])
  })
})

describe('A person who asks', () => {
  test('gets one snapshot for each value, and it is not made again when it is deleted', () => {
    const asked = decide({ spec: '{ className: csi }', request: 'before-migration' })
    expect(asked.make).toMatchObject([
      {
        metadata: { name: 'uploads-before-migration', labels: { 'ftp-operator.io/snapshot-trigger': 'Request' } },
        spec: { volumeSnapshotClassName: 'csi', source: { persistentVolumeClaimName: 'uploads-data' } },
      },
    ])
    expect(asked.status).toEqual({ lastRequest: 'before-migration' })
    expect(decide({ request: 'before-migration', status: asked.status ?? {} }).make).toEqual([])
    expect(made(decide({ request: 'another', status: asked.status ?? {} }))).toEqual(['uploads-another'])
  })

  test('needs nothing in the spec', () => {
    expect(made(decide({ spec: '', request: '20300110' }))).toEqual(['uploads-20300110'])
  })

  test.each(['Before', 'a_b', '-a', 'a-', '', 'a.b', 'x'.repeat(64)])('with %j is told what it must be', request => {
    const decision = decide({ request, status: known })
    expect(decision.finding).toMatchObject({ status: 'False', reason: 'RequestInvalid' })
    // The schedule does not wait for that.
    expect(made(decision)).toEqual(['uploads-20300110t0300z'])
  })

  test('gets it beside one of the schedule that is being made', () => {
    const busy = snapshot('uploads-20300110t0300z', 'pending', morning - minute)
    expect(made(decide({ request: 'now', status: known, snapshots: [busy] }))).toEqual(['uploads-now'])
  })

  test('holds up no schedule', () => {
    const asked = snapshot('uploads-now', 'pending', morning - minute, { trigger: 'Request' })
    expect(made(decide({ status: known, snapshots: [asked] }))).toEqual(['uploads-20300110t0300z'])
  })

  test('is not done with where it was refused', () => {
    const decision = refused(decide({ request: 'now' }), 'VolumeSnapshot uploads-now: denied')
    expect(decision.status?.lastRequest).toBeUndefined()
    expect(made(decide({ request: 'now', ...(decision.status && { status: decision.status }) }))).toEqual([
      'uploads-now',
    ])
  })
})

describe('The condition', () => {
  const finding = (world: World) => {
    const { status, reason, message } = decide(world).finding
    return `${status} ${reason}: ${message}`
  }

  test('says nothing where nobody wants snapshots', () => {
    const decision = decide({ spec: '' })
    expect(decision).toMatchObject({ finding: { status: 'Unknown', reason: 'NotWanted' }, inMilliseconds: undefined })
    expect(decision.status).toBeUndefined()
  })

  test('says that the cluster has none, tries no more than once a minute, and makes it once when it has', () => {
    const world = { seen: { kind: 'not-served' }, status: { ...known, lastSuccessfulName: 'old' } } as const
    expect(finding(world)).toMatch(/^False SnapshotsNotServed: the cluster does not have VolumeSnapshots/)
    const decision = decide(world)
    expect(decision).toMatchObject({ make: [], inMilliseconds: 60_000 })
    expect(decision.status).toMatchObject({ ...known, lastSuccessfulName: 'old' })
    expect(made(decide({ status: decision.status ?? {} }))).toEqual(['uploads-20300110t0300z'])
  })

  test('says that the operator has no rights', () => {
    const seen = { kind: 'forbidden', message: 'volumesnapshots is forbidden' } as const
    expect(finding({ seen })).toBe('False SnapshotsForbidden: volumesnapshots is forbidden')
  })

  test('names a class that is missing, and makes nothing until it is there', () => {
    const spec = `{ ${daily}, className: gold }`
    expect(finding({ spec, status: known })).toBe(
      'False SnapshotClassNotFound: VolumeSnapshotClass gold does not exist',
    )
    expect(decide({ spec, status: known }).make).toEqual([])
    const seen = { kind: 'seen', snapshots: [], classes: [{ name: 'gold', isDefault: false }] } as const
    expect(made(decide({ spec, status: known, seen }))).toHaveLength(1)
    expect(finding({ status: known, seen })).toMatch(/^False NoDefaultSnapshotClass: /)
    expect(decide({ status: known, seen }).make).toEqual([])
  })

  test('is none of the class where the operator may not read classes', () => {
    const seen = { kind: 'seen', snapshots: [], classes: undefined } as const
    expect(made(decide({ status: known, seen }))).toHaveLength(1)
  })

  test.each([
    ['{ schedule: 0 3 31 2 * }', 'has a day that never comes'],
    ['{ schedule: 0 24 * * * }', 'has "24" as hour'],
    ['{ schedule: 0 3 * * *, timeZone: Europe/Atlantis }', 'has the time zone Europe/Atlantis, which is none'],
  ])('tells what is wrong with %s', (spec, why) => {
    expect(finding({ spec })).toContain(`False ScheduleInvalid: storage.snapshots.schedule ${why}`)
    expect(decide({ spec, status: known })).toMatchObject({ make: [], remove: [] })
  })

  test('waits for a claim that is not bound', () => {
    const claim = liveClaim('uploads-data', ['ReadWriteOnce'], 'Pending')
    for (const each of [undefined, claim]) {
      expect(finding({ claim: each, status: known })).toMatch(/^Unknown ClaimNotBound: claim uploads-data /)
      expect(decide({ claim: each, status: known }).make).toEqual([])
    }
  })

  test('an emptyDir has none', () => {
    const server = ftpServer('storage: { emptyDir: {} }', { annotations: { 'ftp-operator.io/snapshot': 'now' } })
    const decision = decideSnapshots(observe(server, { snapshots: { kind: 'seen', snapshots: [], classes } }))
    expect(decision).toMatchObject({ make: [], finding: { status: 'False', reason: 'NoClaim' } })
  })

  const status = { ...known, lastScheduleTime: '2030-01-10T03:00:00Z' }
  const last = snapshot('uploads-20300109t0300z', 'ready', at('09T03:00:00'))

  test('is true when the newest is ready, and tells when the next is due', () => {
    expect(finding({ status, snapshots: [last] })).toBe(
      'True SnapshotReady: VolumeSnapshot uploads-20300109t0300z is ready; the next is due at 2030-01-11T03:00:00Z',
    )
    expect(decide({ status, snapshots: [last] }).status).toMatchObject({
      lastSuccessfulTime: '2030-01-09T03:00:01Z',
      lastSuccessfulName: 'uploads-20300109t0300z',
    })
  })

  test('has what the driver says when the newest failed, and what is the last good one', () => {
    const failed = snapshot('uploads-20300110t0300z', 'failed', at('10T03:00:00'))
    const decision = decide({ status, snapshots: [last, failed] })
    expect(decision.finding).toMatchObject({
      status: 'False',
      reason: 'SnapshotFailed',
      message: 'VolumeSnapshot uploads-20300110t0300z: no space left',
    })
    expect(decision.status?.lastSuccessfulName).toBe('uploads-20300109t0300z')
  })

  test('stays true while another is being made, however long its driver takes', () => {
    const making = snapshot('uploads-20300110t0300z', 'pending', at('10T03:00:00'))
    expect(finding({ status, snapshots: [last, making] })).toContain(
      'True SnapshotReady: VolumeSnapshot uploads-20300109t0300z is ready, uploads-20300110t0300z is being made',
    )
    expect(finding({ status, snapshots: [making] })).toMatch(/^Unknown InProgress: /)
  })

  test('says that nobody takes a snapshot up', () => {
    const making = snapshot('uploads-20300110t0300z', 'pending', at('10T03:00:00'), { isTakenUp: false })
    expect(finding({ status, now: at('10T03:04:59'), snapshots: [making] })).toMatch(/^Unknown InProgress/)
    expect(finding({ status, now: at('10T03:05:00'), snapshots: [making] })).toMatch(
      /^False SnapshotNotTakenUp: nobody/,
    )
  })
})
