# The message generator installs a package of this name too, with `msg` inside. Extending the path lets the sources,
# first on the path, and the generated messages, further along it, be one package.
from pkgutil import extend_path

__path__ = extend_path(__path__, __name__)
