"""From the name in an `import` line to the package that has it, and what a worker's pyproject.toml says about it."""

from __future__ import annotations

import re

from sandbox.config.models import WorkerConfig

# Where the two names differ. Lower-case keys; compared with the first part of the module's name.
DISTRIBUTIONS = {
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "crypto": "pycryptodome",
    "cv2": "opencv-python",
    "dateutil": "python-dateutil",
    "docx": "python-docx",
    "dotenv": "python-dotenv",
    "fitz": "pymupdf",
    "google": "google-api-python-client",
    "jose": "python-jose",
    "jwt": "pyjwt",
    "langchain_core": "langchain-core",
    "levenshtein": "levenshtein",
    "magic": "python-magic",
    "markdown": "markdown",
    "multipart": "python-multipart",
    "nacl": "pynacl",
    "openssl": "pyopenssl",
    "pil": "pillow",
    "pptx": "python-pptx",
    "serial": "pyserial",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "slugify": "python-slugify",
    "socks": "pysocks",
    "usb": "pyusb",
    "yaml": "PyYAML",
}
_REQUIREMENT_NAME = re.compile(r"\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)")


def distribution_for(module: str) -> str:
    """The package to install for `import module`."""
    top = module.partition(".")[0]
    return DISTRIBUTIONS.get(top.lower(), top)


def install_hint(module: str, worker: WorkerConfig) -> str:
    """One line: how to install what is missing, and whether a deployed worker would have it."""
    wanted = distribution_for(module)
    declared = next((d for d in worker.dependencies if _normal(_name_of(d)) == _normal(wanted)), None)
    if declared is not None:
        return f"pip install '{declared}'" if declared != wanted else f"pip install {wanted}"
    return (
        f'pip install {wanted}, and add "{wanted}" to [project].dependencies of {worker.name}\'s pyproject.toml: '
        f"pywrangler deploys only what stands there"
    )


def _name_of(requirement: str) -> str:
    match = _REQUIREMENT_NAME.match(requirement)
    return match.group(1) if match else requirement


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
