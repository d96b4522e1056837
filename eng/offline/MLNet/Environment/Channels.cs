namespace Microsoft.ML.Runtime;

public enum ChannelMessageKind
{
    Trace = 0,
    Info = 1,
    Warning = 2,
    Error = 3,
}

[Flags]
public enum MessageSensitivity
{
    None = 0,
    UserData = 1,
    Schema = 2,
    Unknown = ~None,
    All = Unknown,
}

public interface IChannel : IDisposable
{
    void Trace(MessageSensitivity sensitivity, string fmt);
    void Trace(MessageSensitivity sensitivity, string fmt, params object[] args);
    void Info(MessageSensitivity sensitivity, string fmt);
    void Info(MessageSensitivity sensitivity, string fmt, params object[] args);
    void Warning(MessageSensitivity sensitivity, string fmt);
    void Warning(MessageSensitivity sensitivity, string fmt, params object[] args);
    void Error(MessageSensitivity sensitivity, string fmt);
    void Error(MessageSensitivity sensitivity, string fmt, params object[] args);
}

public interface IChannelProvider
{
    IChannel Start(string name);
}

public interface IHostEnvironment : IChannelProvider
{
    ComponentCatalog ComponentCatalog { get; }

    IHost Register(string name, int? seed = null, bool? verbose = null);
}

public interface IHost : IHostEnvironment
{
}

/// <summary>A named run of messages. Like ML.NET's, it traces its own start and end.</summary>
internal sealed class Channel : IChannel
{
    private readonly Action<ChannelMessageKind, string, string> _send;
    private readonly string _source;
    private readonly System.Diagnostics.Stopwatch _watch = System.Diagnostics.Stopwatch.StartNew();
    private bool _disposed;

    internal Channel(string source, Action<ChannelMessageKind, string, string> send)
    {
        _source = source;
        _send = send;
        Send(ChannelMessageKind.Trace, "Channel started");
    }

    public void Trace(MessageSensitivity sensitivity, string fmt) => Send(ChannelMessageKind.Trace, fmt);
    public void Trace(MessageSensitivity sensitivity, string fmt, params object[] args) => Send(ChannelMessageKind.Trace, fmt, args);
    public void Info(MessageSensitivity sensitivity, string fmt) => Send(ChannelMessageKind.Info, fmt);
    public void Info(MessageSensitivity sensitivity, string fmt, params object[] args) => Send(ChannelMessageKind.Info, fmt, args);
    public void Warning(MessageSensitivity sensitivity, string fmt) => Send(ChannelMessageKind.Warning, fmt);
    public void Warning(MessageSensitivity sensitivity, string fmt, params object[] args) => Send(ChannelMessageKind.Warning, fmt, args);
    public void Error(MessageSensitivity sensitivity, string fmt) => Send(ChannelMessageKind.Error, fmt);
    public void Error(MessageSensitivity sensitivity, string fmt, params object[] args) => Send(ChannelMessageKind.Error, fmt, args);

    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        Send(ChannelMessageKind.Trace, $"Channel finished. Elapsed {_watch.Elapsed:c}.");
        Send(ChannelMessageKind.Trace, "Channel disposed");
    }

    private void Send(ChannelMessageKind kind, string message) => _send(kind, _source, Check.NonEmpty(message, nameof(message)));

    private void Send(ChannelMessageKind kind, string format, object[] args) => Send(kind, string.Format(null, format, args));
}
