FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1

WORKDIR /app
COPY requirements.txt ./
RUN python -m pip install -r requirements.txt

COPY . .
RUN python -m pip install --no-deps --editable . \
    && useradd --system --uid 10001 --home-dir /var/lib/guichet --create-home guichet

# Inside a container loopback reaches nobody; BETA_PASSWORD or OPEN_ACCESS has to be given.
ENV DATA_DIR=/var/lib/guichet \
    CHAT_HOST=0.0.0.0 \
    ADMIN_HOST=0.0.0.0 \
    LOG_FORMAT=json
USER 10001
VOLUME /var/lib/guichet
EXPOSE 7860 8501

# An answer of any kind but a fault will do: TRUSTED_HOSTS may refuse the name 127.0.0.1.
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import http.client, os, sys; c = http.client.HTTPConnection('127.0.0.1', int(os.environ.get('CHAT_PORT') or 7860), timeout=4); c.request('GET', '/health/live'); sys.exit(c.getresponse().status >= 500)"]

CMD ["python", "-m", "apps"]
