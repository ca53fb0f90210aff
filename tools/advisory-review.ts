/** What is bundled, looked up by hand among published advisories: not every registry answers `npm audit`. */

export type ReviewedPackage = {
  readonly name: string
  readonly version: string
  /** Those found, whether or not what they are about is used here. */
  readonly advisories: readonly { readonly id: string; readonly fixedIn: string }[]
}

export type AdvisoryReview = {
  /** When, and how new the newest advisory was that could be found. */
  readonly date: string
  readonly newest: string
  readonly packages: readonly ReviewedPackage[]
  /** In the bundles as well, and not looked up one by one. */
  readonly others: readonly string[]
}

export const advisoryReview: AdvisoryReview = {
  date: '2026-11-23',
  newest: 'September 2026',
  packages: [
    reviewed('@kubernetes/client-node 2.0.1'),
    reviewed('@opentelemetry/api 1.10.0'),
    reviewed('agent-base 9.0.0'),
    reviewed('ajv 8.20.0', 'GHSA-2g4f-4pwh-qvx6 8.18.0'),
    reviewed('bcryptjs 3.0.3'),
    reviewed('dateformat 4.6.3'),
    // Of debug only 4.4.2 was malicious.
    reviewed('debug 4.4.3', 'debug-js/debug#1005 4.4.3'),
    reviewed('fast-copy 4.3.1'),
    reviewed('fast-safe-stringify 2.1.1'),
    reviewed(
      'fast-uri 3.1.9',
      'GHSA-q3j6-qgpj-74h6 3.1.2',
      'GHSA-v39h-62p7-jpjc 3.1.2',
      'GHSA-4c8g-83qw-93j6 3.1.3',
      'GHSA-v2hh-gcrm-f6hx 3.1.6',
      'GHSA-7p8r-x3mc-p8w7 3.1.6',
      'GHSA-f65p-4m7j-42xc 3.1.6',
      'GHSA-jqff-g426-hqxp 3.1.6',
      'GHSA-5jgf-p345-68v8 3.1.6',
      'GHSA-fph4-wmhf-6fwf 3.1.6',
    ),
    reviewed('ip-address 10.7.6', 'GHSA-v2v4-37r5-5v8g 10.1.1', 'CVE-2026-69192 10.3.1'),
    reviewed('jose 6.2.17', 'GHSA-jv3g-j58f-9mq9 4.9.2', 'CVE-2024-28176 4.15.5'),
    reviewed(
      'js-yaml 5.5.0',
      'GHSA-h67p-54hq-rp68 4.2.0',
      'GHSA-52cp-r559-cp3m 4.3.0',
      'GHSA-5p4m-2wfm-xmqj 4.3.1',
      'GHSA-2883-xcg3-v3hh 4.3.2',
    ),
    reviewed('jsonpath-plus 10.4.0', 'GHSA-pppg-cpfq-h7wr 10.2.0', 'GHSA-hw8r-x6gr-5gjp 10.3.0'),
    reviewed('koffi 3.3.4'),
    reviewed('ms 2.1.3'),
    reviewed(
      'node-forge 1.4.3',
      'GHSA-cfm4-qjh2-4765 1.3.0',
      'GHSA-554w-wpv2-vw27 1.3.2',
      'GHSA-65ch-62r8-g69g 1.3.2',
      'GHSA-5gfm-wpxj-wjgq 1.3.2',
      'CVE-2026-33891 1.4.0',
      'CVE-2026-33894 1.4.0',
      'CVE-2026-33895 1.4.0',
      'CVE-2026-33896 1.4.0',
    ),
    reviewed('oauth4webapi 3.8.8'),
    reviewed('openid-client 6.8.9'),
    reviewed('pino 10.4.0'),
    reviewed('pino-pretty 13.2.0'),
    reviewed('prom-client 15.1.3'),
    reviewed('pump 3.0.4'),
    reviewed('safe-stable-stringify 2.5.0'),
    reviewed('secure-json-parse 4.1.1'),
    reviewed('smart-buffer 4.2.0'),
    reviewed('socks 2.8.10'),
    reviewed('socks-proxy-agent 10.1.0'),
    reviewed('split2 4.2.0'),
    reviewed('streamx 2.28.1'),
    reviewed('tar-fs 3.1.3', 'GHSA-vj76-c3g6-qr5v 3.1.1'),
    reviewed('tar-stream 3.2.2'),
    reviewed('tdigest 0.1.3'),
    reviewed('typebox 1.4.3'),
    reviewed(
      'undici 8.12.4',
      'GHSA-vmh5-mc38-953g 7.28.0',
      'GHSA-4cwx-7wf7-3272 7.29.0',
      'GHSA-8xcm-r25x-g524 7.29.0',
      'GHSA-jr45-8vmc-qm54 7.29.0',
      'GHSA-m8rv-5g2x-5cg5 7.29.0',
      'GHSA-v3r7-h72x-cjcm 7.29.0',
      'CVE-2026-13697 8.9.0',
    ),
    reviewed('ws 8.23.0', 'GHSA-3h5v-q93c-6h6q 8.17.1', 'GHSA-58qx-3vcg-4xpx 8.20.1', 'GHSA-96hv-2xvq-fx4p 8.21.0'),
    reviewed('yaml 2.9.1', 'GHSA-48c2-rrv3-qjmp 2.8.3'),
  ],
  others: [
    '@pinojs/redact',
    'atomic-sleep',
    'b4a',
    'bintrees',
    'colorette',
    'end-of-stream',
    'events-universal',
    'fast-deep-equal',
    'fast-fifo',
    'hpagent',
    'isomorphic-ws',
    'json-schema-traverse',
    'on-exit-leak-free',
    'once',
    'pino-abstract-transport',
    'pino-std-serializers',
    'quick-format-unescaped',
    'rfc4648',
    'sonic-boom',
    'stream-buffers',
    'text-decoder',
    'thread-stream',
    'wrappy',
  ],
}

function reviewed(named: string, ...found: readonly string[]): ReviewedPackage {
  const [name = '', version = ''] = named.split(' ')
  const advisories = found.map(each => {
    const [id = '', fixedIn = ''] = each.split(' ')
    return { id, fixedIn }
  })
  return { name, version, advisories }
}
