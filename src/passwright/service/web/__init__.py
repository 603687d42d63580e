"""The service over HTTP: a JSON API for issuers, a page for each holder, bytes for wallets.

`app.create_app` puts it together; nothing here knows SQL, and no use case knows this.
"""
