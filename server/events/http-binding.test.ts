import { createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { CloudEvent } from './event.ts'
import { requestOf } from './http-binding.ts'
import { parseSecrets, signatureHeaders } from './signature.ts'

const event: CloudEvent = {
  specversion: '1.0',
  id: 'id-1',
  source: 'ftp-server',
  type: 'io.ftp-operator.upload',
  subject: '/a b/"ü"%€😀\n',
  time: '2026-01-02T03:04:05.678Z',
  datacontenttype: 'application/json',
  data: { bytes: 3 },
}

describe('an event as a request', () => {
  it('in structured mode is one JSON document with the media type of CloudEvents', () => {
    const { headers, body } = requestOf(event, 'structured')
    expect(headers).toEqual({ 'content-type': 'application/cloudevents+json; charset=utf-8' })
    expect(JSON.parse(body)).toEqual(event)
  })

  it('in binary mode has its attributes in headers, percent-encoded where a header could not hold them', () => {
    const { headers, body } = requestOf(event, 'binary')
    expect(headers).toEqual({
      'content-type': 'application/json',
      'ce-specversion': '1.0',
      'ce-id': 'id-1',
      'ce-source': 'ftp-server',
      'ce-type': 'io.ftp-operator.upload',
      'ce-subject': '/a%20b/%22%C3%BC%22%25%E2%82%AC%F0%9F%98%80%0A',
      'ce-time': '2026-01-02T03:04:05.678Z',
    })
    expect(JSON.parse(body)).toEqual({ bytes: 3 })
  })
})

describe('a signature', () => {
  it('is an HMAC over id, time and body for each secret', () => {
    const secrets = parseSecrets('first secret\n\n  whsec_c2Vjb25k \r\n')
    expect(secrets.map(String)).toEqual(['first secret', 'second'])
    const headers = signatureHeaders(secrets, { id: 'id-1', seconds: 1_700_000_000, body: '{}' })
    const expected = ['first secret', 'second'].map(
      secret => `v1,${createHmac('sha256', secret).update('id-1.1700000000.{}').digest('base64')}`,
    )
    expect(headers).toEqual({
      'webhook-id': 'id-1',
      'webhook-timestamp': '1700000000',
      'webhook-signature': expected.join(' '),
    })
  })

  it('is that of the example in the specification', () => {
    // https://www.standardwebhooks.com: the secret, message and signature that its libraries are tested with.
    const [secret = Buffer.alloc(0)] = parseSecrets('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw')
    const message = { id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', seconds: 1_614_265_330, body: '{"test": 2432232314}' }
    expect(signatureHeaders([secret], message)['webhook-signature']).toBe(
      'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    )
  })
})
