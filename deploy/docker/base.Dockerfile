# What the images of all services stand on: Python, a user without rights, Marea's code, the question
# after its health. Build it first, from the root of the checkout:
#   docker build --file deploy/docker/base.Dockerfile --tag marea-base .

FROM python:3.11.15-slim-bookworm AS wheel
WORKDIR /checkout
COPY requirements/install.txt requirements/
RUN pip install --no-cache-dir --require-hashes --requirement requirements/install.txt
COPY pyproject.toml README.md LICENSE ./
COPY config config
COPY schemas schemas
COPY libs libs
COPY services services
RUN python -m hatchling build --target wheel --directory /wheel

FROM python:3.11.15-slim-bookworm
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin marea
RUN --mount=type=bind,from=wheel,source=/wheel,target=/wheel \
    pip install --no-cache-dir --no-deps --no-index --target /marea /wheel/*.whl

# A container has an address to itself; compose and Kubernetes say who reaches it.
ENV PATH=/packages/bin:$PATH \
    PYTHONPATH=/marea \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    MAREA__HTTP__HOST=0.0.0.0

HEALTHCHECK --interval=5s --timeout=3s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as http; http.urlopen(f'http://127.0.0.1:{os.environ[\"HEALTH_PORT\"]}/health', timeout=2)"]

# Nothing is written but what MAREA__LOGS__FILE names, so the root may be read-only.
USER 10001
WORKDIR /marea
