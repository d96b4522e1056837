using Microsoft.ML.Runtime;

namespace Microsoft.ML;

/// <summary>What all components of one <see cref="MLContext"/> share, and, with a name, one component's place in it.</summary>
internal sealed class LocalEnvironment : IHost
{
    private readonly string _name;
    private readonly LocalEnvironment _parent;
    private readonly LocalEnvironment _root;

    internal LocalEnvironment() => _root = this;

    private LocalEnvironment(LocalEnvironment parent, string name)
    {
        // As in ML.NET, a name is prefixed with that of the grandparent, not of the parent.
        _root = parent._root;
        _parent = parent;
        _name = Join(parent._parent?._name, name);
    }

    internal event Action<ChannelMessageKind, string, string> Message;

    public ComponentCatalog ComponentCatalog => field ??= _root == this ? new ComponentCatalog() : _root.ComponentCatalog;

    internal string TempFilePath { get => _root == this ? field : _root.TempFilePath; set; } = Path.GetTempPath();

    internal int? GpuDeviceId { get => _root == this ? field : _root.GpuDeviceId; set; }

    internal bool FallbackToCpu { get => _root == this ? field : _root.FallbackToCpu; set; }

    public IHost Register(string name, int? seed = null, bool? verbose = null) =>
        new LocalEnvironment(this, Check.NonEmpty(name, nameof(name)));

    public IChannel Start(string name) => new Channel(
        Join(_name, name),
        (kind, source, text) => _root.Message?.Invoke(kind, source, text));

    private static string Join(string outer, string inner) => outer == null ? inner : $"{outer}; {inner}";
}
