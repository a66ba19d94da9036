"""fairmesh: from one study file to a published, citable benchmark."""

__version__ = "0.1.0"
