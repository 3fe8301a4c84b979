"""Public price lists in the format of the gpuhunt project, from files: offers to compare with, which can't be ordered."""

from tauon.providers.catalogue.files import FileCatalogue

CATALOGUE = FileCatalogue
