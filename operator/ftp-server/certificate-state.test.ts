import { beforeAll, expect, test } from 'vitest'
import { createSelfSignedCertificate, type SelfSignedCertificate } from '../../server/tls/self-signed.ts'
import { ftpServer, now, observe, owned, secret } from '../../test/operator/samples.ts'
import type { Observation, Source } from '../observation/observation.ts'
import { certificateState } from './certificate-state.ts'

const day = 86_400_000
const names = ['uploads', 'uploads.media', 'uploads.media.svc', 'uploads.media.svc.cluster.local']
let pem: SelfSignedCertificate
let other: SelfSignedCertificate

beforeAll(async () => {
  const options = { commonName: 'uploads', dnsNames: names, addresses: ['203.0.113.7'], validDays: 90, now }
  pem = await createSelfSignedCertificate(options)
  other = await createSelfSignedCertificate({ ...options, dnsNames: ['*.example.com'], addresses: [] })
})

function state(tls: string, sources: readonly Source[], rest: Partial<Observation> = {}, clientAddress?: string) {
  return certificateState(
    observe(ftpServer(`{ storage: { emptyDir: {} }, tls: {${tls}} }`), { sources, ...rest }),
    clientAddress,
  )
}

const given = (name: string, data: SelfSignedCertificate) =>
  secret(name, { 'tls.crt': data.certificate, 'tls.key': data.key })

test('without a certificate the operator has to make one, for all names of the Service and its address', () => {
  expect(state('', [], {}, '203.0.113.7')).toMatchObject({
    ready: false,
    reason: 'Pending',
    needed: {
      reason: 'Missing',
      secretName: 'uploads-tls',
      names: { dnsNames: names, addresses: ['203.0.113.7'] },
      validityDays: 365,
    },
  })
})

test('one that is good is left alone until a third of its time is left', () => {
  const sources = [given('uploads-tls', pem)]
  const { renewAt = 0, ...found } = state('', sources, {}, '203.0.113.7')
  expect(found).toMatchObject({ ready: true, reason: 'SelfSigned', needed: undefined })
  expect(renewAt - now).toBeGreaterThan(59 * day)
  expect(renewAt - now).toBeLessThan(61 * day)
  expect(state('', sources, { now: renewAt - 1 }).needed).toBeUndefined()
  expect(state('', sources, { now: renewAt }).needed?.reason).toBe('Expiring')
})

test('one that lacks a name is made anew, and stays in use until then', () => {
  const found = state('', [given('uploads-tls', pem)], {}, 'lb.example.com')
  expect(found).toMatchObject({ ready: true, reason: 'SelfSigned', needed: { reason: 'NamesChanged' } })
})

test('names that are given take the place of all others', () => {
  const found = state('dnsNames: ["*.example.com"]', [given('uploads-tls', other)], {}, '203.0.113.7')
  expect(found.names).toEqual({ dnsNames: ['*.example.com'], addresses: [] })
  expect(found.needed).toBeUndefined()
})

test('one that can’t be read is made anew', () => {
  expect(state('', [secret('uploads-tls', { 'tls.crt': 'no', 'tls.key': 'no' })]).needed?.reason).toBe('Unusable')
})

test.each<[string, () => readonly Source[], string]>([
  ['a Secret that is missing', () => [], 'SecretNotFound'],
  ['a Secret without the keys', () => [secret('own', { cert: 'x' })], 'KeyNotFound'],
  ['a certificate that is none', () => [secret('own', { 'tls.crt': 'x', 'tls.key': pem.key })], 'Invalid'],
  ['a key that is none', () => [secret('own', { 'tls.crt': pem.certificate, 'tls.key': 'x' })], 'Invalid'],
  [
    'the key of another certificate',
    () => [secret('own', { 'tls.crt': pem.certificate, 'tls.key': other.key })],
    'KeyMismatch',
  ],
])('%s waits for a person, and nothing is made instead', (_, sources, reason) => {
  expect(state('secretName: own', sources())).toMatchObject({
    ready: false,
    reason,
    isBlocked: true,
    needed: undefined,
  })
})

test('a given certificate is valid, then expires soon, then has expired', () => {
  const sources = [given('own', pem)]
  const reasonAt = (time: number) => state('secretName: own', sources, { now: time })
  expect(reasonAt(now)).toMatchObject({ ready: true, reason: 'Valid' })
  expect(reasonAt(now + 84 * day)).toMatchObject({ ready: true, reason: 'ExpiringSoon' })
  expect(reasonAt(now + 91 * day)).toMatchObject({ ready: false, reason: 'Expired', isBlocked: true })
})

test('an authority for clients must be there and be one', () => {
  const tls = 'secretName: own, clientCertificates: { mode: Required, secretName: ca }'
  const own = given('own', pem)
  expect(state(tls, [own])).toMatchObject({ ready: false, reason: 'AuthorityNotFound' })
  expect(state(tls, [own, secret('ca', { 'ca.crt': 'x' })])).toMatchObject({ ready: false, reason: 'AuthorityInvalid' })
  expect(state(tls, [own, secret('ca', { 'ca.crt': other.certificate })])).toMatchObject({ ready: true })
})

test('a certificate of cert-manager needs cert-manager, then time, then is there', () => {
  const tls = 'issuerRef: { name: letters }'
  const served = { certificate: true, podMonitor: false, prometheusRule: false }
  const waiting = owned({
    apiVersion: 'cert-manager.io/v1',
    kind: 'Certificate',
    metadata: { name: 'uploads-tls', namespace: 'media' },
    status: { conditions: [{ type: 'Ready', status: 'False', message: 'the order is pending' }] },
  })
  expect(state(tls, [])).toMatchObject({ ready: false, reason: 'CertManagerNotFound', isBlocked: true })
  expect(state(tls, [], { served, live: [waiting] })).toMatchObject({
    ready: false,
    reason: 'Issuing',
    isBlocked: false,
    message: expect.stringContaining('the order is pending'),
  })
  expect(state(tls, [given('uploads-tls', pem)], { served })).toMatchObject({ ready: true, reason: 'Valid' })
})
