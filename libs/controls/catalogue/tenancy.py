"""Tenancy and isolation."""

from libs.controls.catalogue.control import controls_of

TENANCY = controls_of(
    "Tenancy and isolation",
    (
        (
            "T1",
            "Workspaces are isolated completely",
            "under every database role of a service, reading, inserting, updating and deleting another workspace's "
            "rows yields nothing or an error, in every table that holds tenant data",
        ),
        (
            "T2",
            "The database enforces the workspace on every query",
            "row security is enabled and forced on every tenant table, with one policy per command; runtime roles own "
            "nothing and bypass nothing; a query without a workspace sees no row; jobs across workspaces run under "
            "narrow roles on a reviewed list",
        ),
        (
            "T3",
            "Roles are enforced in the database too",
            "policies tell members from administrators where a table holds administration data, and bind both",
        ),
        (
            "T4",
            "At least 125 policies, which cover 100 % of tenant tables",
            "the tables come from the databases' own catalogues, so that none is left out; each that holds tenant data "
            "has its policies; all policies and tables of the deployment are counted",
        ),
        (
            "T5",
            "Owner, Admin, Manager and Member have distinct scopes",
            "a published permission matrix; every RPC states the permission that it needs; a denied call is answered "
            "PERMISSION_DENIED and audited",
        ),
    ),
)
