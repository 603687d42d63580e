"""The issuing service: passes that are made, handed out once, updated and ended.

The use cases (`issuing`, `releasing`) know no HTTP and no SQL; the `web` room
and the `sqlstore` room never meet. Everything that touches the world outside is
handed in as a `context.Desk`.
"""
