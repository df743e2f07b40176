"""Pictures with Content Credentials, signed by a certificate made on the spot."""

import io
import json
from datetime import UTC, datetime, timedelta
from functools import cache

import numpy as np
from PIL import Image

SIGNER = "Camera Makers"
MADE_BY_AI = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
MIME = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "TIFF": "image/tiff",
    "AVIF": "image/avif",
}


def plain(kind="JPEG", *, side=64):
    """The bytes of a picture without credentials."""
    pixels = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


def signed(kind="JPEG", *, source=MADE_BY_AI, address=None):
    """The same, signed; with `address`, the credentials are said to be there instead of in the file."""
    import c2pa

    pem, key = _certificates()
    info = c2pa.C2paSignerInfo(c2pa.C2paSigningAlg.ES256, pem, key, None)
    action = {"action": "c2pa.created", "digitalSourceType": source}
    manifest = {
        "claim_generator_info": [{"name": "tests", "version": "1"}],
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [action]}}],
    }
    settings = {"version": 1, "builder": {"thumbnail": {"enabled": False}}}
    result = io.BytesIO()
    with (
        c2pa.Signer.from_info(info) as signer,
        c2pa.Context.from_dict(settings) as context,
        c2pa.Builder(json.dumps(manifest), context) as builder,
    ):
        if address is not None:
            builder.set_no_embed()
            builder.set_remote_url(address)
        builder.sign(signer, MIME[kind], io.BytesIO(plain(kind)), result)
    return result.getvalue()


@cache
def _certificates():
    """A signer's certificate under a root of our own, and the signer's key, both PEM."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    uses = dict.fromkeys(
        (
            *(
                "digital_signature",
                "content_commitment",
                "key_encipherment",
                "data_encipherment",
                "key_agreement",
            ),
            *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
        ),
        False,
    )

    def certificate(key, name, *, by, number, extensions):
        now = datetime.now(UTC)
        made = (
            x509.CertificateBuilder(by.subject if by else name, name, key.public_key(), number)
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
        )
        identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        for extension, is_critical in [*extensions, (identifier, False)]:
            made = made.add_extension(extension, is_critical)
        return made.sign(root_key, hashes.SHA256())

    def name(organisation):
        parts = (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME)
        return x509.Name([x509.NameAttribute(part, organisation) for part in parts])

    root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    signs_certificates = uses | {"key_cert_sign": True, "crl_sign": True}
    root = certificate(
        root_key, name("A root"), by=None, number=1,
        extensions=[(x509.BasicConstraints(True, None), True), (x509.KeyUsage(**signs_certificates), True)],
    )  # fmt: skip
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key())
    leaf = certificate(
        key, name(SIGNER), by=root, number=2,
        extensions=[
            (x509.BasicConstraints(False, None), True),
            (x509.KeyUsage(**(uses | {"digital_signature": True})), True),
            (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), False),
            (authority, False),
        ],
    )  # fmt: skip
    chain = leaf.public_bytes(Encoding.PEM) + root.public_bytes(Encoding.PEM)
    return chain, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
