import { expect, test } from 'vitest'
import { shaCrypt } from './sha-crypt.ts'

// Made by crypt(3) of libxcrypt. Lengths around the digest's are those where implementations go wrong.
test.each([
  ['sha256', 'Hello world!', 'saltstring', 5000, '5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5'],
  ['sha256', 'Hello world!', 'saltstringsaltst', 10000, '3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA'],
  [
    'sha512',
    'Hello world!',
    'saltstring',
    5000,
    'svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1',
  ],
  [
    'sha512',
    'Hello world!',
    'saltstringsaltst',
    10000,
    'OW1/O6BYHV6BcXZu8QVeXbDWra3Oeqh0sbHbbMCVNSnCM/UrjmM0Dp8vOuZeHBy/YTBmSK6H9qs/y3RnOaw5v.',
  ],
  [
    'sha512',
    'pässwörd',
    '',
    1000,
    'CAQf.esfxCV.96kHRwD6SOK7U/IsRcQIVYHw6Fl1A26MIqokvwrmeQtdCv14VHwKa89wi/k9WrH5Aeo3fh07i/',
  ],
  ['sha256', '', 'salt', 1000, 'oacEarljCLl1hnwSHaKByNaFLSC8faCZtGSPISXgwZ.'],
  [
    'sha512',
    '',
    'salt',
    1000,
    '8.6rbmbp5x0d6GHKoit3wSooHPfMEY9cwCpDMr6.bC46HXi1Eqr7xqKZ9RPwaFW/eCyoUBBNRq1xG/f612CuH0',
  ],
  ['sha256', 'a'.repeat(31), 'salt', 1000, 'PGwsyhw2ozetfwLjeUqRlmp4.vMtSWCXfgtVoXtjvTC'],
  ['sha256', 'a'.repeat(32), 'salt', 1000, 'pbcv4vZMljJ95Q5n1D0h4X4FuV3PYeoKFuU39rmMkAA'],
  ['sha256', 'a'.repeat(33), 'salt', 1000, 'sq3oKL8HCwF0Z2BPl3A1cnHlehE8gjrIbI1jqy.hkK/'],
  ['sha256', 'a'.repeat(64), 'salt', 1000, 'jTMVjWMPW7LYqjlDtOFBvor9vCIEBeiKFkHFRRgdLP.'],
  ['sha256', 'a'.repeat(255), 'salt', 1000, 'Q0IpcrB7OghRQKHAjE.MAp.LP138kLILzrF7kpx0rVA'],
  [
    'sha512',
    'a'.repeat(63),
    'salt',
    1000,
    '0zApCcHQ.WxebKm2RtcCZ2hMpRboiKFS80vWWEu3tk5CLNI9Gn3PYSFIRmRTatySTO58.u./uZc6iAGF6WYL.0',
  ],
  [
    'sha512',
    'a'.repeat(64),
    'salt',
    1000,
    'KsDeVR2dr6X8AtaDF2ZNMO8gghRA2ybZCqzZFSDds4tZW2X0nEeIuXN9z8Nxpy5b06YvmMAVStdmr9hZ3HFlC.',
  ],
  [
    'sha512',
    'a'.repeat(65),
    'salt',
    1000,
    'keaoijfblbgDhVdGAhQCKgH5SLd.6Qphv0Lcu5EEC9Us06CRVUIDOfhhzK985yEjEjjkBSYeo6fqxUxY68x5u1',
  ],
  [
    'sha512',
    'a'.repeat(128),
    'salt',
    1000,
    'dG.ExbKKh71XNlkvZVd9sKgAETHVtbn7Mtopdl0m9IWK0zZqv8gsseXvAQ94zXu9XDXPuAMjHHomwtR0Rgxg61',
  ],
  [
    'sha512',
    'a'.repeat(511),
    'salt',
    1000,
    'lZ.wFK7OAdCcgvqIPhZyOij9xOymdmsD2RSyI29dHomGqgMZ9GKPsU9sDQoDKrlHKdS4ij3VGXJFyNkz/Tn4M0',
  ],
] as const)('%s of %j with the salt %j and %i rounds is that of crypt(3)', (digest, password, salt, rounds, hash) => {
  expect(shaCrypt(digest, password, salt, rounds)).toBe(hash)
})
