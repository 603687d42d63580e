"""Keys that never leave their vault: signers for PKCS #11, AWS KMS, Google Cloud KMS and Google IAM.

Each is one file with one extra, and is handed to `Identity(signer=...)` or
`Issuer(signer=..., public_key=...)` like any signer:

    from passwright.signers.pkcs11 import Pkcs11Signer    # passwright[pkcs11]
    from passwright.signers.aws import AwsKmsSigner       # passwright[aws]
    from passwright.signers.gcp import GoogleKmsSigner    # passwright[gcp]
    from passwright.signers.iam import GoogleIamSigner    # no extra
    from passwright.signers.offline import AirGapSigner    # no extra: signatures that were made elsewhere

All but the last send the digest or the message as their service asks for it, wait no
longer than they are told, try again a bounded number of times where that helps,
and fail with an error of their own: `SignerTimeout`, `SignerUnreachable`,
`SignerRefused`. What they answer is verified like that of every foreign signer.
"""

from __future__ import annotations
