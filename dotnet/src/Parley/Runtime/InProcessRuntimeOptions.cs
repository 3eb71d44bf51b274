using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Parley;

/// <summary>Settings of an <see cref="InProcessRuntime"/>.</summary>
public sealed class InProcessRuntimeOptions
{
    /// <summary>How long a call may take that says nothing else.</summary>
    public TimeSpan DefaultTimeout { get; set; } = TimeSpan.FromSeconds(120);

    /// <summary>How long the handler of an event may run before it is cancelled.</summary>
    public TimeSpan EventTimeout { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>How long stopping waits for handlers.</summary>
    public TimeSpan DrainTimeout { get; set; } = TimeSpan.FromSeconds(25);

    /// <summary>Where the categories <c>Parley.*</c> go; nowhere by default.</summary>
    public ILoggerFactory LoggerFactory { get; set; } = NullLoggerFactory.Instance;

    /// <summary>The clock; another one for tests.</summary>
    public TimeProvider TimeProvider { get; set; } = TimeProvider.System;
}
