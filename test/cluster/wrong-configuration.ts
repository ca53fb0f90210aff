/** What can be wrong with users and certificates. */
import { selfSigned } from '../support/certificates.ts'
import { kubectl } from '../support/cluster/cluster.ts'
import type { Place } from '../support/cluster/conditions.ts'
import { simpleUser } from '../support/server.ts'
import { certificate, configMap, patch, remove, secret, tlsSecret, type WrongThing } from './wrong-things.ts'

/** Servers of all tests are in one namespace: what is beside them starts with their name. */
const listFrom =
  (kind: 'secret' | 'configMap') =>
  ({ name }: Place) => ({ usersFrom: [{ [`${kind}Ref`]: { name: `${name}-team` } }] })
const list = (...users: readonly object[]) => JSON.stringify({ users })

export const wrongUsers: readonly WrongThing[] = [
  {
    title: 'a Secret with a list of users that is missing',
    spec: listFrom('secret'),
    prepare: place => secret(place, `${place.name}-team`, { 'list.yaml': list(simpleUser('bob')) }),
    users: ['bob'],
    spoil: place => remove(place, 'secret', `${place.name}-team`),
    shows: { type: 'UsersAccepted', reason: /^SecretNotFound$/, message: /Secret .*team/ },
    event: /^UsersSecretNotFound$/,
    serves: ['alice'],
    mend: place => secret(place, `${place.name}-team`, { 'list.yaml': list(simpleUser('bob')) }),
  },
  {
    title: 'a ConfigMap that has lost the key with the list',
    spec: ({ name }) => ({ usersFrom: [{ configMapRef: { name: `${name}-team`, key: 'list.yaml' } }] }),
    prepare: place => configMap(place, `${place.name}-team`, { 'list.yaml': list(simpleUser('bob')) }),
    users: ['bob'],
    spoil: place => configMap(place, `${place.name}-team`, { 'other.yaml': list(simpleUser('dora')) }),
    shows: { type: 'UsersAccepted', reason: /^KeyNotFound$/, message: /ConfigMap .*team.*list\.yaml/ },
    event: /^UsersKeyNotFound$/,
    serves: ['alice'],
    mend: place => configMap(place, `${place.name}-team`, { 'list.yaml': list(simpleUser('bob')) }),
  },
  {
    title: 'a user whose Secret with the password is missing',
    spec: ({ name }) => ({
      users: [simpleUser('alice'), { name: 'carol', home: '/', passwordSecretRef: { name: `${name}-carol` } }],
    }),
    users: ['carol'],
    prepare: place => secret(place, `${place.name}-carol`, { password: 'correct horse' }),
    spoil: place => remove(place, 'secret', `${place.name}-carol`),
    shows: { type: 'UsersAccepted', reason: /^SecretNotFound$/, message: /carol/ },
    event: /^UsersSecretNotFound$/,
    serves: ['alice'],
    mend: place => secret(place, `${place.name}-carol`, { password: 'correct horse' }),
  },
  {
    title: 'a list that is broken YAML',
    spec: listFrom('configMap'),
    users: ['bob'],
    prepare: place => configMap(place, `${place.name}-team`, { 'list.yaml': list(simpleUser('bob')) }),
    spoil: place => configMap(place, `${place.name}-team`, { 'list.yaml': 'users: [{name: bob' }),
    shows: { type: 'UsersAccepted', reason: /^ListsRejected$/, message: /ConfigMap .*team.*list\.yaml/ },
    event: /^UsersListsRejected$/,
    // The last good list stays in force.
    serves: ['alice', 'bob'],
    mend: place => configMap(place, `${place.name}-team`, { 'list.yaml': list(simpleUser('bob')) }),
  },
  {
    title: 'one bad user among good ones in a list',
    spec: listFrom('secret'),
    users: ['bob', 'carol'],
    prepare: place =>
      secret(place, `${place.name}-team`, { 'list.yaml': list(simpleUser('bob'), simpleUser('carol')) }),
    spoil: place =>
      secret(place, `${place.name}-team`, {
        'list.yaml': list(simpleUser('bob', { home: 'relative' }), simpleUser('carol')),
      }),
    shows: { type: 'UsersAccepted', reason: /^UsersRejected$/, message: /bob/ },
    event: /^UsersUsersRejected$|^UsersRejected$/,
    serves: ['alice', 'carol'],
    mend: place => secret(place, `${place.name}-team`, { 'list.yaml': list(simpleUser('bob'), simpleUser('carol')) }),
  },
  {
    title: 'a password in clear in a list, which is told nowhere',
    spec: listFrom('secret'),
    users: ['bob', 'carol'],
    prepare: place =>
      secret(place, `${place.name}-team`, { 'list.yaml': list(simpleUser('bob'), simpleUser('carol')) }),
    spoil: place =>
      secret(place, `${place.name}-team`, {
        'list.yaml': list({ name: 'bob', home: '/', passwordHash: 'open sesame' }, simpleUser('carol')),
      }),
    shows: { type: 'UsersAccepted', reason: /^UsersRejected$/, message: /^(?!.*open sesame).*bob/ },
    event: /^UsersUsersRejected$|^UsersRejected$/,
    serves: ['alice', 'carol'],
    mend: place => secret(place, `${place.name}-team`, { 'list.yaml': list(simpleUser('bob'), simpleUser('carol')) }),
  },
]

export const wrongCertificates: readonly WrongThing[] = [
  {
    title: 'a key that is not that of its certificate',
    spec: ({ name }) => ({ tls: { secretName: `${name}-web` } }),
    prepare: place => certificate(place, `${place.name}-web`),
    spoil: async place => {
      const [one, other] = await Promise.all([selfSigned('one'), selfSigned('other')])
      return tlsSecret(place, `${place.name}-web`, one.certificate, other.key)
    },
    shows: { type: 'CertificateReady', reason: /^KeyMismatch$/, message: /web/ },
    event: /^CertificateKeyMismatch$/,
    serves: ['alice'],
    mend: place => certificate(place, `${place.name}-web`),
  },
  {
    title: 'a certificate that has expired',
    spec: ({ name }) => ({ tls: { secretName: `${name}-web` } }),
    prepare: place => certificate(place, `${place.name}-web`),
    spoil: place => certificate(place, `${place.name}-web`, -1),
    shows: { type: 'CertificateReady', reason: /^Expired$/, message: /web.*expired at \d{4}-/ },
    event: /^CertificateExpired$/,
    serves: ['alice'],
    mend: place => certificate(place, `${place.name}-web`),
  },
  {
    title: 'the authority of client certificates that is missing',
    spoil: place =>
      patch(place, { tls: { clientCertificates: { mode: 'Optional', secretName: `${place.name}-authority` } } }),
    shows: { type: 'CertificateReady', reason: /^AuthorityNotFound$/, message: /authority/ },
    event: /^CertificateAuthorityNotFound$/,
    serves: ['alice'],
    mend: async place =>
      secret(place, `${place.name}-authority`, { 'ca.crt': (await selfSigned('authority')).certificate }),
  },
  {
    title: 'an issuer of cert-manager, which the cluster does not have',
    spoil: place => patch(place, { tls: { issuerRef: { name: 'letters' } } }),
    shows: { type: 'CertificateReady', reason: /^CertManagerNotFound$/, message: /cert-manager/ },
    event: /^CertificateCertManagerNotFound$/,
    serves: ['alice'],
    mend: place => patch(place, { tls: { issuerRef: null } }),
  },
  {
    title: 'a Secret of somebody else that has the name of its own certificate, and stays as it is',
    prepare: place => certificate(place, `${place.name}-tls`),
    shows: { type: 'Stalled', reason: /^NameTaken$/, message: /Secret .*-tls/ },
    event: /^NameTaken$/,
    serves: [],
    mend: async place => {
      const kept = await kubectl(['-n', place.namespace, 'get', 'secret', `${place.name}-tls`, '-o', 'json'])
      if (kept.includes('"ftp-operator')) throw new Error('the operator has changed it')
      return remove(place, 'secret', `${place.name}-tls`)
    },
  },
]
